"""SMTP as dialogues: each is played on the session in memory, byte by byte, and over TCP."""

from collections.abc import Callable

import pytest
from tests.dialogue import WIRES, Sessions, Wire, play

from lettershop.base.errors import Refused, Temporary
from lettershop.net.stream import Peer
from lettershop.servers.smtp import SmtpSession
from lettershop.wire.sasl import Credentials, Principal
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo
from lettershop.wire.smtp.replies import Reply
from lettershop.wire.smtp.server import Settings

pytestmark = pytest.mark.parametrize("wire", WIRES, ids=["memory", "bytewise", "tcp"])
Make = Callable[[Sessions], Wire]


class Mail:
    """Services that decide by the local part, and remember what they were given."""

    def __init__(self) -> None:
        self.delivered: list[tuple[Envelope, bytes]] = []
        self.in_clear = False

    async def accept_client(self, client: Client) -> Reply | None:
        return None

    async def accept_sender(self, client: Client, sender: MailFrom) -> Reply:
        if sender.address is not None and sender.address.local == "spammer":
            raise Refused("We know you.")
        return replies.SENDER_OK

    async def accept_recipient(self, client: Client, sender: MailFrom, recipient: RcptTo) -> Reply:
        if recipient.address.local == "full":
            raise Temporary("The mailbox is busy.")
        return replies.NO_SUCH_MAILBOX if recipient.address.local == "nobody" else replies.RECIPIENT_OK

    async def deliver(self, envelope: Envelope, data: bytes) -> Reply:
        self.delivered.append((envelope, data))
        return replies.ACCEPTED

    def may_login_in_clear(self, peer_ip: str) -> bool:
        return self.in_clear

    async def login(self, credentials: Credentials, peer: Peer) -> Principal | None:
        if credentials.user == "down":
            raise Temporary("Cannot check passwords now.")
        good = (credentials.user, credentials.password) == ("ann", "secret")
        return Principal(7, "ann@x.example") if good else None


@pytest.fixture
def mail() -> Mail:
    return Mail()


async def talk(script: str, wire: Make, mail: Mail, **settings: object) -> None:
    chosen = Settings("mx.test", max_size=2000, **settings)  # type: ignore[arg-type]
    await play(script, wire(lambda: SmtpSession(chosen, mail, mail)))


async def test_a_message_step_by_step(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 mx.test ESMTP Lettershop
    C: EHLO client.example
    S: 250-mx.test
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-8BITMIME
    S: 250-SMTPUTF8
    S: 250-ENHANCEDSTATUSCODES
    S: 250 CHUNKING
    C: MAIL FROM:<ann@a.example> SIZE=100 BODY=8BITMIME
    S: 250 2.1.0 OK
    C: RCPT TO:<bob@B.example>
    S: 250 2.1.5 OK
    C: rcpt to: <nobody@b.example>
    S: 550 5.1.1 No such mailbox
    C: RCPT TO:<full@b.example>
    S: 451 4.3.0 The mailbox is busy.
    C: DATA
    S: 354 …
    C: Subject: hello
    C:
    C: ..two dots
    C: .
    S: 250 2.6.0 Message accepted
    C: QUIT
    S: 221 2.0.0 Bye
    EOF
    """
    await talk(script, wire, mail)
    [(envelope, data)] = mail.delivered
    assert data == b"Subject: hello\r\n\r\n.two dots\r\n"
    assert str(envelope.sender.address) == "ann@a.example"
    assert envelope.sender.size == 100 and envelope.sender.eight_bit
    assert [str(r.address) for r in envelope.recipients] == ["bob@b.example"]
    assert envelope.client.helo == "client.example"
    assert envelope.client.protocol == "ESMTP"


async def test_two_messages_in_one_packet(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<one@b.example>
    C: DATA
    C: first
    C: .
    C: MAIL FROM:<>
    C: RCPT TO:<two@b.example>
    C: DATA
    C: .
    C: QUIT
    S: 250 mx.test
    S: 250 2.1.0 OK
    S: 250 2.1.5 OK
    S: 354 …
    S: 250 2.6.0 …
    S: 250 2.1.0 OK
    S: 250 2.1.5 OK
    S: 354 …
    S: 250 2.6.0 …
    S: 221 …
    EOF
    """
    await talk(script, wire, mail)
    assert [data for _, data in mail.delivered] == [b"first\r\n", b""]
    assert mail.delivered[1][0].sender.address is None
    assert [str(e.recipients[0].address) for e, _ in mail.delivered] == ["one@b.example", "two@b.example"]
    assert mail.delivered[0][0].client.protocol == "SMTP"


async def test_the_order_of_commands(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: MAIL FROM:<a@a.example>
    S: 503 5.5.1 Say EHLO first
    C: NOOP is always fine
    S: 250 2.0.0 OK
    C: HELO c
    S: 250 mx.test
    C: RCPT TO:<b@b.example>
    S: 503 5.5.1 Say MAIL first
    C: DATA
    S: 503 5.5.1 Say MAIL first
    C: MAIL FROM:<a@a.example>
    S: 250 …
    C: MAIL FROM:<b@a.example>
    S: 503 5.5.1 Bad sequence of commands
    C: DATA
    S: 554 5.5.1 No valid recipients
    C: RCPT TO:<nobody@b.example>
    S: 550 …
    C: DATA
    S: 554 5.5.1 No valid recipients
    C: RSET
    S: 250 …
    C: RCPT TO:<b@b.example>
    S: 503 …
    C: MAIL FROM:<spammer@a.example>
    S: 550 5.7.1 We know you.
    C: RCPT TO:<b@b.example>
    S: 503 …
    C: MAIL FROM:<a@a.example>
    S: 250 …
    C: EHLO again
    S~ 250-mx.test
    S~ 250-PIPELINING
    S~ 250-SIZE .*
    S~ 250-8BITMIME
    S~ 250-SMTPUTF8
    S~ 250-ENH.*
    S~ 250 CHUNKING
    C: RCPT TO:<b@b.example>
    S: 503 …
    C: VRFY b
    S: 252 …
    C: EXPN b
    S: 502 …
    C: HELP
    S: 214 …
    C: QUIT
    S: 221 …
    EOF
    """
    await talk(script, wire, mail)


async def test_what_cannot_be_understood(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO
    S: 501 5.5.4 …
    C: EHLO two words
    S: 501 5.5.4 …
    C: HELO c
    S: 250 …
    C: BOGUS
    S: 500 5.5.1 Unknown command
    C> NOOP\\n
    S: 500 5.5.2 Lines must end with CR LF
    C> NOOP\\r\\r\\n
    S: 500 5.5.2 …
    C> NO\\xffOP\\r\\n
    S: 500 5.5.2 …
    C: MAIL FROM:<a@@a.example>
    S: 501 5.1.7 …
    C: MAIL FROM:<a@a.example> FOO=1
    S: 555 5.5.4 …
    C: MAIL FROM:<a@a.example> BODY=BINARYMIME
    S: 555 5.5.4 …
    C: MAIL FROM:<a@a.example> SIZE=2001
    S: 552 5.3.4 …
    C: NOOP
    S: 250 …
    C# x 5000
    C:
    S: 500 5.5.6 Line too long
    C: NOOP
    S: 250 …
    C: RCPT TO:<b@b.example> x
    S: 503 …
    C: MAIL FROM:<a@a.example> SIZE=1
    S: 250 …
    C: RCPT TO:<>
    S: 501 5.1.3 …
    C: RCPT TO:<Postmaster>
    S: 250 …
    C: BOGUS
    S: 500 …
    """
    await talk(script, wire, mail, max_errors=20)


async def test_too_many_errors_end_it(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: GET / HTTP/1.1
    C: Host: mx.test
    C: User-Agent: lost
    C: Accept: text/html
    S: 500 …
    S: 500 …
    S: 500 …
    S: 421 4.7.0 Too many errors
    EOF
    """
    await talk(script, wire, mail, max_errors=3)


async def test_data_ends_at_crlf_dot_crlf_only(wire: Make, mail: Mail) -> None:
    """SMTP smuggling: no other end of data may start a second message."""
    script = """
    S: 220 …
    C: EHLO c
    S: 250-mx.test
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-8BITMIME
    S: 250-SMTPUTF8
    S: 250-ENHANCEDSTATUSCODES
    S: 250 CHUNKING
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<b@b.example>
    C: DATA
    S: 250 …
    S: 250 …
    S: 354 …
    C> one\\n.\\nMAIL FROM:<evil@a.example>\\r\\n
    C> two\\n.\\r\\nMAIL FROM:<evil@a.example>\\r\\n
    C> three\\r\\n.\\nMAIL FROM:<evil@a.example>\\r\\n
    C> four\\r.\\r\\nfive\\r\\n.\\r.\\r\\nsix\\r\\n.\\rseven\\r\\n\\0.\\r\\n
    C: .
    S: 250 2.6.0 …
    C: QUIT
    S: 221 …
    EOF
    """
    await talk(script, wire, mail)
    [(_, data)] = mail.delivered
    assert data.count(b"evil@a.example") == 3
    assert data.replace(b"\r\n", b"").count(b"\r") == data.replace(b"\r\n", b"").count(b"\n") == 0
    assert data.startswith(b"one\r\n.\r\nMAIL FROM")
    assert data.endswith(b"seven\r\n\0.\r\n")


async def test_a_message_too_big_is_read_to_its_end(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    S: 250 …
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<b@b.example>
    C: DATA
    S: 250 …
    S: 250 …
    S: 354 …
    C# a 1990
    C:
    C# b 1990
    C:
    C: .
    S: 552 5.3.4 Message too big
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<b@b.example>
    C: DATA
    S: 250 …
    S: 250 …
    S: 354 …
    C# a 1998
    C:
    C: .
    S: 250 2.6.0 …
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<b@b.example>
    C: DATA
    S: 250 …
    S: 250 …
    S: 354 …
    C# a 1999
    C:
    C: .
    S: 552 …
    """
    await talk(script, wire, mail)
    assert [len(data) for _, data in mail.delivered] == [2000]


async def test_chunks(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    S: 250 …
    C: BDAT 4
    C> NOOP
    S: 503 5.5.1 Say MAIL first
    C: MAIL FROM:<a@a.example>
    C: BDAT 6 LAST
    C> QUIT\\r\\n
    S: 250 2.1.0 OK
    S: 554 5.5.1 No valid recipients
    C: RCPT TO:<b@b.example>
    S: 250 2.1.5 OK
    C: BDAT 7
    C> .\\r\\n.\\r\\nx
    C: NOOP
    S: 250 2.0.0 OK
    S: 250 2.0.0 OK
    C: DATA
    S: 503 …
    C: RCPT TO:<c@b.example>
    S: 503 …
    C: BDAT 3 LAST
    C> abc
    S: 250 2.6.0 …
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<b@b.example>
    C: BDAT 1500
    C# a 1500
    C: BDAT 501
    C# b 501
    C: BDAT 0 LAST
    S: 250 2.1.0 OK
    S: 250 2.1.5 OK
    S: 250 2.0.0 OK
    S: 552 5.3.4 Message too big
    S: 503 …
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<b@b.example>
    C: BDAT 3
    C> abc
    C: RSET
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<b@b.example>
    C: BDAT 2 LAST
    C> de
    C: BDAT nine
    S: 250 2.1.0 OK
    S: 250 2.1.5 OK
    S: 250 2.0.0 OK
    S: 250 2.0.0 OK
    S: 250 2.1.0 OK
    S: 250 2.1.5 OK
    S: 250 2.6.0 …
    S: 501 …
    C: QUIT
    S: 221 …
    EOF
    """
    await talk(script, wire, mail)
    assert [data for _, data in mail.delivered] == [b".\r\n.\r\nxabc\r\n", b"de\r\n"]


async def test_non_ascii_addresses(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    S: 250 …
    C: MAIL FROM:<jürgen@bücher.example>
    S: 553 5.6.7 …
    C: MAIL FROM:<jürgen@bücher.example> SMTPUTF8
    S: 250 …
    C: RCPT TO:<用户@例え.example>
    S: 250 …
    C: RSET
    S: 250 …
    C: MAIL FROM:<a@bücher.example>
    S: 250 …
    C: RCPT TO:<用户@a.example>
    S: 553 5.6.7 …
    C: RCPT TO:<b@b.example>
    C: DATA
    C: .
    S: 250 …
    S: 354 …
    S: 250 …
    """
    await talk(script, wire, mail)
    assert str(mail.delivered[0][0].sender.address) == "a@xn--bcher-kva.example"


LOGIN = {"login": True, "login_required": True, "tls": True}


async def test_submission_over_tls(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: EHLO c
    S: 250-mx.test
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-8BITMIME
    S: 250-SMTPUTF8
    S: 250-ENHANCEDSTATUSCODES
    S: 250-CHUNKING
    S: 250 STARTTLS
    C: MAIL FROM:<ann@x.example>
    S: 530 5.7.0 Authentication required
    C: AUTH PLAIN AGFubgBzZWNyZXQ=
    S: 538 5.7.11 …
    C: STARTTLS now
    S: 501 …
    C: STARTTLS
    S: 220 2.0.0 Ready to start TLS
    TLS
    C: MAIL FROM:<ann@x.example>
    S: 503 5.5.1 Say EHLO first
    C: EHLO c
    S: 250-mx.test
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-8BITMIME
    S: 250-SMTPUTF8
    S: 250-ENHANCEDSTATUSCODES
    S: 250-CHUNKING
    S: 250 AUTH PLAIN LOGIN
    C: STARTTLS
    S: 502 …
    C: AUTH PLAIN AGFubgB3cm9uZw==
    S: 535 5.7.8 …
    C: AUTH PLAIN
    S: 334 …
    C: AGFubgBzZWNyZXQ=
    S: 235 2.7.0 …
    C: AUTH PLAIN AGFubgBzZWNyZXQ=
    S: 503 5.5.1 Already logged in
    C: MAIL FROM:<ann@x.example> AUTH=<>
    C: RCPT TO:<b@b.example>
    C: DATA
    S: 250 …
    S: 250 …
    S: 354 …
    C: hi
    C: .
    S: 250 2.6.0 …
    C: QUIT
    S: 221 …
    EOF
    """
    await talk(script, wire, mail, **LOGIN)
    client = mail.delivered[0][0].client
    assert client.principal == Principal(7, "ann@x.example")
    assert client.tls == "TLSv1.3"
    assert client.protocol == "ESMTPSA"


async def test_logging_in(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    S: 250 …
    C: AUTH CRAM-MD5
    S: 504 5.5.4 …
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: YW5u
    S: 334 UGFzc3dvcmQ6
    C: *
    S: 501 5.7.0 Authentication cancelled
    C: AUTH PLAIN !!!!
    S: 501 5.5.2 …
    C: AUTH PLAIN ZG93bgBkb3duAHg=
    S: 454 4.7.0 Cannot check passwords now.
    C: AUTH PLAIN =
    S: 501 …
    C: AUTH LOGIN
    S: 334 …
    C# x 13000
    C:
    S: 500 5.5.6 Line too long
    C: NOOP
    S: 250 …
    C: AUTH LOGIN YW5u
    S: 334 UGFzc3dvcmQ6
    C: c2VjcmV0
    S: 235 …
    """
    mail.in_clear = True
    await talk(script, wire, mail, login=True)


async def test_guessing_ends_it(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    S: 250 …
    C: AUTH PLAIN AGFubgB3cm9uZw==
    S: 535 …
    C: AUTH PLAIN AGFubgB3cm9uZw==
    S: 535 …
    S: 421 4.7.0 Too many errors
    EOF
    """
    mail.in_clear = True
    await talk(script, wire, mail, login=True, max_errors=2)


async def test_a_relay_has_no_log_in(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    S: 250 …
    C: AUTH PLAIN AGFubgBzZWNyZXQ=
    S: 502 …
    C: STARTTLS
    S: 502 …
    """
    await talk(script, wire, mail)


async def test_recipients_are_limited(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    C: MAIL FROM:<a@a.example>
    C: RCPT TO:<b@b.example>
    C: RCPT TO:<nobody@b.example>
    C: RCPT TO:<c@b.example>
    C: RCPT TO:<d@b.example>
    S: 250 …
    S: 250 …
    S: 250 …
    S: 550 …
    S: 250 …
    S: 452 4.5.3 Too many recipients
    """
    await talk(script, wire, mail, max_recipients=2)


async def test_delivery_status_parameters(wire: Make, mail: Mail) -> None:
    script = """
    S: 220 …
    C: HELO c
    S: 250 …
    C: MAIL FROM:<a@a.example> RET=SOME
    S: 555 …
    C: MAIL FROM:<a@a.example> RET=hdrs ENVID=QQ+3D1
    S: 250 …
    C: RCPT TO:<b@b.example> NOTIFY=NEVER,DELAY
    S: 555 …
    C: RCPT TO:<b@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bx@b.example
    S: 250 …
    C: DATA
    C: x
    C: .
    S: 354 …
    S: 250 …
    """
    await talk(script, wire, mail, dsn=True)
    [(envelope, _)] = mail.delivered
    assert (envelope.sender.ret, envelope.sender.envid) == ("HDRS", "QQ=1")
    assert envelope.recipients[0].notify == {"SUCCESS", "FAILURE"}
    assert envelope.recipients[0].orcpt == "rfc822;b+x@b.example"


async def test_requiretls_is_offered_and_taken_under_tls_only(wire: Make, mail: Mail) -> None:
    """RFC 8689 2."""
    script = """
    S: 220 …
    C: EHLO client.example
    S~ 250-(?s:.*)
    S~ 250[- ](?!REQUIRETLS).*
    S~ 250[- ](?!REQUIRETLS).*
    S~ 250[- ](?!REQUIRETLS).*
    S~ 250[- ](?!REQUIRETLS).*
    S~ 250[- ](?!REQUIRETLS).*
    S~ 250[- ](?!REQUIRETLS).*
    S~ 250 (?!REQUIRETLS).*
    C: MAIL FROM:<a@x.example> REQUIRETLS
    S: 555 …
    C: STARTTLS
    S: 220 …
    TLS
    C: EHLO client.example
    S~ 250-(?s:.*)
    S~ 250-.*
    S~ 250-.*
    S~ 250-.*
    S~ 250-.*
    S~ 250-.*
    S~ 250-.*
    S: 250 REQUIRETLS
    C: MAIL FROM:<a@x.example> REQUIRETLS=1
    S: 555 …
    C: MAIL FROM:<a@x.example> REQUIRETLS
    S: 250 …
    C: RCPT TO:<b@x.example>
    S: 250 …
    C: DATA
    S: 354 …
    C: Subject: x
    C:
    C: .
    S: 250 …
    C: MAIL FROM:<a@x.example>
    S: 250 …
    C: RCPT TO:<b@x.example>
    S: 250 …
    C: DATA
    S: 354 …
    C: Subject: y
    C:
    C: .
    S: 250 …
    """
    await talk(script, wire, mail, tls=True, require_tls=True)
    assert [envelope.sender.tls for envelope, _ in mail.delivered] == ["require", ""]
