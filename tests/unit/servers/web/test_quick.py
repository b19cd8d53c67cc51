"""Which requests are plain: everything else must go the long way. No sockets."""

import pytest

from lettershop.servers.web.quick import Asked, plainly_asked

HEAD = "Host: m.example\r\nUser-Agent: Mail/1\r\nAccept: image/*\r\nCookie: private\r\nX-Forwarded-For: 192.0.2.1\r\n"
OPEN = f"GET /o/abcdefgh.gif HTTP/1.1\r\n{HEAD}\r\n"


def asked(text):
    return plainly_asked(text.encode("latin-1"))


def test_a_pixel_and_a_link_are_plain():
    kept = "accept: image/*\nx-forwarded-for: 192.0.2.1"
    assert asked(OPEN) == Asked("abcdefgh", None, "Mail/1", kept, "192.0.2.1")
    assert asked(OPEN.replace(".gif", "")) == Asked("abcdefgh", None, "Mail/1", kept, "192.0.2.1")
    assert asked(f"GET /c/abcdefgh/12 HTTP/1.1\r\n{HEAD}\r\n") == Asked("abcdefgh", 12, "Mail/1", kept, "192.0.2.1")


def test_keeping_the_connection_and_whitespace_around_values_are_plain():
    found = asked(OPEN.replace("User-Agent: Mail/1", "Connection: Keep-Alive\r\nuser-agent:\t Mail/2 "))
    assert found is not None
    assert found.user_agent == "Mail/2"


def test_what_several_proxies_say_is_joined():
    found = asked(OPEN.replace("Host:", "X-Forwarded-For: 192.0.2.9\r\nHost:"))
    assert found is not None
    assert found.forwarded == "192.0.2.9, 192.0.2.1"


def test_values_are_cut():
    found = asked(OPEN.replace("Mail/1", "M" * 1000).replace("image/*", "i" * 1000))
    assert found is not None
    assert len(found.user_agent) == 300
    assert f"accept: {'i' * 300}\n" in found.headers


@pytest.mark.parametrize(
    "text",
    [
        OPEN[:-1],  # in pieces
        OPEN[:-2],
        OPEN + "GET",  # more behind it
        OPEN + OPEN,
        OPEN.replace("GET", "HEAD"),
        OPEN.replace("1.1", "1.0"),
        OPEN.replace(".gif", ".png"),
        OPEN.replace(".gif", ".gif?x=1"),
        OPEN.replace("abcdefgh", "abc1efgh"),  # no digit of base32
        OPEN.replace("/o/abcdefgh.gif", "/c/abcdefgh/1234567"),
        OPEN.replace("/o/abcdefgh.gif", "/c/abcdefgh/-1"),
        OPEN.replace("Host:", "Content-Length: 5\r\nHost:"),
        OPEN.replace("Host:", "Transfer-Encoding: chunked\r\nHost:"),
        OPEN.replace("Host:", "Expect: 100-continue\r\nHost:"),
        OPEN.replace("Host:", "Upgrade: h2c\r\nHost:"),
        OPEN.replace("Host:", "Connection: close\r\nHost:"),
        OPEN.replace("Host:", "Connection: keep-alive, te\r\nHost:"),
        OPEN.replace("Host:", "Host :"),  # RFC 9112 5.1
        OPEN.replace("User-Agent", " User-Agent"),  # RFC 9112 5.2
        OPEN.replace("User-Agent: ", "User-Agent"),
        OPEN.replace("Mail/1", "Mail\n/1"),
        OPEN.replace("Mail/1", "Mail\r/1"),
        OPEN.replace("Mail/1", "Mail\0/1"),
        OPEN.replace("Mail/1\r\n", "Mail/1\n"),
    ],
)
def test_everything_else_is_not(text):
    assert asked(text) is None
