"""What holds for every input: any split gives the same events, decode(encode(x)) == x, nothing makes a machine fail."""

import itertools
import string

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lettershop.wire.address import Address, InvalidAddress, parse_path
from lettershop.wire.buffer import LineTooLong, ReceiveBuffer
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.client import ClientMachine
from lettershop.wire.smtp.events import Connected, LoginAttempt, MessageReceived, RcptTo, StartTls
from lettershop.wire.smtp.grammar import dot_stuff, dot_unstuff, mend_line_ends
from lettershop.wire.smtp.outgoing import Lost, Outcome, Outgoing
from lettershop.wire.smtp.outgoing import Settings as ClientSettings
from lettershop.wire.smtp.replies import BadReply, Reply, ReplyReader
from lettershop.wire.smtp.server import ServerMachine, Settings

COMMANDS = [
    b"EHLO c\r\n", b"HELO c\r\n", b"MAIL FROM:<a@a.example>\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<b@b.example>\r\n",
    b"RCPT TO:<no@b.example>\r\n", b"DATA\r\n", b"BDAT 3\r\nabc", b"BDAT 4 LAST\r\nde\r\n", b"BDAT 0 LAST\r\n", b"RSET\r\n",
    b"NOOP\r\n", b"VRFY x\r\n", b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", b"AUTH LOGIN\r\n", b"YW5u\r\n", b"*\r\n", b".\r\n",
    b"line\r\n", b"..\r\n", b"\r\n", b"bare\nline\r", b"BOGUS\r\n", b"x" * 5000 + b"\r\n", b"y" * 300 + b"\r\n", b"QUIT\r\n",
]  # fmt: skip
START = b"EHLO c\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"
conversations = st.lists(st.sampled_from(COMMANDS) | st.binary(max_size=8), max_size=25).map(b"".join)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)] or [b""]


def serve(parts: list[bytes]) -> tuple[list[object], bytes]:
    """All events and all output of a machine whose services refuse what is called "no"."""
    machine = ServerMachine(Settings("mx.test", max_size=200, login=True, plaintext_login=True, max_errors=6))
    events: list[object] = []
    output = b""
    for part in [b"", *parts]:
        machine.receive(part)
        while (event := machine.next_event()) is not None:
            events.append(event)
            if isinstance(event, Connected):
                machine.send(machine.banner)
            elif isinstance(event, RcptTo) and event.address.local == "no":
                machine.send(replies.NO_SUCH_MAILBOX)
            elif machine._deciding is not None:
                machine.send(replies.LOGIN_FAILED if isinstance(event, LoginAttempt) else replies.OK)
        output += machine.take()
    return events, output


@given(conversations, st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
@example(b"DATA\r\n.\r\n.\r\n", [7, 8, 9], True)
@example(b"DATA\r\nx\r\n.\r\nMAIL FROM:<a@a.example>\r\n", [8, 9, 10, 11], True)
@settings(max_examples=300, deadline=None)
def test_server_any_split_gives_the_same(conversation: bytes, cuts: list[int], started: bool) -> None:
    data = (START if started else b"") + conversation
    whole = serve([data])
    assert serve(pieces(data, cuts)) == whole
    assert serve([data[i : i + 1] for i in range(len(data))]) == whole
    for event in whole[0]:
        if isinstance(event, MessageReceived):
            assert len(event.data) <= 202
            assert not event.data or event.data.endswith(b"\r\n")
            assert b"\n" not in event.data.replace(b"\r\n", b"")
    assert all(reply.code < 300 or reply.code >= 334 for reply in ReplyReader().feed(whole[1]))


@given(st.binary(max_size=2000), st.booleans())
@settings(max_examples=300, deadline=None)
def test_server_never_fails(noise: bytes, started: bool) -> None:
    serve([(START + b"DATA\r\n" if started else b"") + noise])


@given(st.lists(st.sampled_from([b"a", b".", b"\r", b"\n", b"\r\n", b"\r\n.", b"\0", b"\xff"])).map(b"".join))
@settings(max_examples=500, deadline=None)
def test_a_message_arrives_as_it_was_sent_and_ends_where_it_ends(body: bytes) -> None:
    """Whatever is in it: once put into wire form by us, it is one message and the same message."""
    message = mend_line_ends(body)
    wire = dot_stuff(message)
    assert dot_unstuff(wire) == (message if message.endswith(b"\r\n") or not message else message + b"\r\n")
    events, _ = serve([START + b"DATA\r\n" + wire[:150] + (b"\r\n" if wire[149:] else b"") + b".\r\nNOOP\r\n"])
    assert sum(isinstance(event, MessageReceived) for event in events) <= 1


@given(st.lists(st.binary(max_size=30), max_size=10), st.binary(min_size=1, max_size=3))
def test_smuggling_needs_the_one_end(lines: list[bytes], mark: bytes) -> None:
    """Raw data without CR LF . CR LF never becomes more than one message, whatever else is in it."""
    data = b"\r\n".join(line.replace(b"\r\n.\r\n", b"") for line in lines) + mark
    if b"\r\n.\r\n" in data or data.startswith(b".\r\n"):
        return
    events, _ = serve([START + b"DATA\r\n" + data])
    assert not any(isinstance(event, MessageReceived) for event in events)


SAID = [
    b"250 ok\r\n", b"250 2.1.0 ok\r\n", b"550 5.1.1 no\r\n", b"450 busy\r\n", b"354 go\r\n", b"503 order\r\n",
    b"250-a\r\n250 b\r\n", b"421 bye\r\n", b"\xff\r\n", b"220 x\r\n",
]  # fmt: skip
EHLO = b"220 x\r\n250-x\r\n250-PIPELINING\r\n250 SIZE 100\r\n"


def send(parts: list[bytes], pipelining: str, count: int) -> tuple[list[object], bytes]:
    machine = ClientMachine(ClientSettings("me", tls="never", pipelining=pipelining))  # type: ignore[arg-type]
    events: list[object] = []
    for number in range(count):
        size = 200 if number == 2 else 10
        events += machine.submit(Outgoing("a@a.example", f"{number}@b.example", b"x" * size + b"\r\n"), number)
    for part in parts:
        try:
            events += machine.receive(part)
        except BadReply:
            break
    events += machine.ended("over")
    return events, b"".join(machine.take())


@given(
    st.lists(st.sampled_from(SAID), max_size=25).map(b"".join),
    st.lists(st.integers(0, 1000), max_size=8),
    st.sampled_from(["across", "within", "no"]),
    st.integers(0, 5),
)
@settings(max_examples=500, deadline=None)
def test_client_every_message_has_one_result(said: bytes, cuts: list[int], pipelining: str, count: int) -> None:
    data = EHLO + said
    events, _ = send([data], pipelining, count)
    results = [event.token for event in events if isinstance(event, Outcome | Lost)]
    assert sorted(results) == list(range(count))
    if b"\xff" not in said:  # what stands before something unreadable is told only if it came apart from it
        assert send(pieces(data, cuts), pipelining, count) == send([data], pipelining, count)


@given(
    st.lists(
        st.builds(
            Reply,
            st.sampled_from([220, 250, 354, 421, 550]),
            st.just(""),
            st.lists(st.text(string.ascii_letters + " ", max_size=20), min_size=1, max_size=3).map(tuple),
        ),
        max_size=6,
    ),
    st.lists(st.integers(0, 500), max_size=8),
)
def test_replies_read_back_whatever_the_split(sent: list[Reply], cuts: list[int]) -> None:
    reader = ReplyReader()
    read = [reply for part in pieces(b"".join(r.to_wire() for r in sent), cuts) for reply in reader.feed(part)]
    assert read == sent


locals_ = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40).filter(
    lambda text: all(" " <= c <= "~" or c >= "\x80" for c in text)
)


@given(locals_, st.sampled_from(["b.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "xn--bcher-kva.example"]))
def test_addresses_read_back(local: str, domain: str) -> None:
    address = Address(local, domain)
    assert Address.parse(str(address)) == address
    assert parse_path(f"<{address}>") == (address, "")


@given(st.text(max_size=60))
def test_address_parsing_never_fails_otherwise(text: str) -> None:
    for parse in (Address.parse, parse_path):
        try:
            parse(text)
        except InvalidAddress:
            continue


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(1, 40))
def test_buffer_lines(parts: list[bytes], limit: int) -> None:
    """Lines come out as `split` would give them, whatever the pieces."""
    buffer, lines, skipping = ReceiveBuffer(), list[bytes](), False
    for part in parts:
        buffer.feed(part)
        while True:
            if skipping:
                if not buffer.skip_line():
                    break
                skipping = False
            try:
                line = buffer.line(limit)
            except LineTooLong:
                skipping = True
                continue
            if line is None:
                break
            lines.append(line)
    expected = [piece + b"\n" for piece in b"".join(parts).split(b"\n")[:-1]]
    assert lines == [line for line in expected if len(line) <= limit]


def test_starttls_discards_what_came_in_plain_text() -> None:
    machine = ServerMachine(Settings("mx.test", tls=True))
    machine.receive(b"EHLO c\r\nSTARTTLS\r\nMAIL FROM:<evil@a.example>\r\nRCPT TO:<b@b.example>\r\n")
    seen = []
    while (event := machine.next_event()) is not None:
        seen.append(event)
        if isinstance(event, Connected):
            machine.send(machine.banner)
        if isinstance(event, StartTls):
            machine.take()
            machine.tls_started()
    assert isinstance(seen[-1], StartTls)
    assert machine.take() == b""
    machine.receive(b"RCPT TO:<b@b.example>\r\n")
    assert machine.next_event() is None
    assert machine.take() == replies.HELLO_FIRST.to_wire()
