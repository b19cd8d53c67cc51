"""The client machine, fed with what servers say."""

import pytest

from lettershop.base.errors import ProtocolError
from lettershop.wire.sasl import Credentials
from lettershop.wire.smtp.client import ClientMachine
from lettershop.wire.smtp.outgoing import (
    Capabilities,
    Closed,
    Event,
    Lost,
    Outcome,
    Outgoing,
    Ready,
    Refused,
    Settings,
    StartTls,
)
from lettershop.wire.smtp.replies import Reply

EHLO = b"250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"
DATA = b"Subject: x\r\n\r\nhi\r\n"


def message(number: int, **fields: object) -> Outgoing:
    return Outgoing(f"from{number}@a.example", f"to{number}@b.example", DATA, **fields)  # type: ignore[arg-type]


def machine(ehlo: bytes = EHLO, **settings: object) -> ClientMachine:
    """One that is ready."""
    made = ClientMachine(Settings("me.test", tls="never", **settings))  # type: ignore[arg-type]
    made.receive(b"220 mx.test\r\n" + ehlo)
    made.take()
    return made


def written(client: ClientMachine) -> bytes:
    return b"".join(client.take())


def envelope(number: int) -> bytes:
    return b"MAIL FROM:<from%d@a.example> SIZE=%d\r\nRCPT TO:<to%d@b.example>\r\nDATA\r\n" % (number, len(DATA), number)


def codes(events: list[Event]) -> list[tuple[object, str, int]]:
    return [(e.token, e.stage, e.reply.code) for e in events if isinstance(e, Outcome)]


def test_the_session_begins() -> None:
    client = ClientMachine(Settings("me.test", tls="never"))
    assert client.awaiting == "greeting"
    assert client.receive(b"220-mx.test\r\n220 ready\r\n") == []
    assert written(client) == b"EHLO me.test\r\n"
    assert client.awaiting == "ehlo"
    [ready] = client.receive(EHLO)
    assert ready == Ready(
        Capabilities(
            frozenset({"PIPELINING", "SIZE", "8BITMIME", "STARTTLS", "AUTH"}),
            1000,
            frozenset({"PLAIN", "LOGIN"}),
            "mx.test ready",
        )
    )
    assert client.awaiting is None
    assert written(client) == b""


def test_the_next_envelope_travels_behind_the_dot() -> None:
    client = machine()
    for number in (1, 2, 3):
        client.submit(message(number), number)
    assert written(client) == envelope(1)
    assert client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n") == []
    assert written(client) == DATA + b".\r\n" + envelope(2)
    assert client.awaiting == "dot"
    assert codes(client.receive(b"250 taken\r\n250 ok\r\n250 ok\r\n354 go\r\n")) == [(1, "dot", 250)]
    assert written(client) == DATA + b".\r\n" + envelope(3)
    assert codes(client.receive(b"451 later\r\n250 ok\r\n250 ok\r\n354 go\r\n")) == [(2, "dot", 451)]
    assert written(client) == DATA + b".\r\n"
    client.submit(message(4), 4)
    assert written(client) == envelope(4)  # the line was free before the dot's answer
    assert codes(client.receive(b"250 taken\r\n")) == [(3, "dot", 250)]
    assert client.pending == 1


def test_a_refused_recipient_and_a_server_that_refuses_data() -> None:
    client = machine()
    client.submit(message(1), 1)
    client.submit(message(2), 2)
    client.take()
    assert codes(client.receive(b"250 ok\r\n550 5.1.1 nobody\r\n")) == [(1, "rcpt", 550)]
    assert written(client) == b""
    assert client.receive(b"503 no recipients\r\n") == []
    assert written(client) == b"RSET\r\n" + envelope(2)
    assert client.receive(b"250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n") == []
    assert written(client) == DATA + b".\r\n"


def test_a_refused_recipient_and_a_server_that_says_354_all_the_same() -> None:
    client = machine()
    client.submit(message(1), 1)
    client.submit(message(2), 2)
    client.take()
    assert codes(client.receive(b"250 ok\r\n450 busy\r\n354 go\r\n")) == [(1, "rcpt", 450)]
    assert written(client) == b".\r\n" + envelope(2)
    assert client.receive(b"554 nothing to do\r\n250 ok\r\n250 ok\r\n354 go\r\n") == []
    assert written(client) == DATA + b".\r\n"


def test_a_refused_sender_has_one_outcome() -> None:
    client = machine()
    client.submit(message(1), 1)
    assert codes(client.receive(b"553 5.1.8 no\r\n503 mail first\r\n503 mail first\r\n")) == [(1, "mail", 553)]
    client.take()
    client.submit(message(2), 2)
    assert written(client) == b"RSET\r\n" + envelope(2)


def test_refused_at_data() -> None:
    client = machine()
    client.submit(message(1), 1)
    assert codes(client.receive(b"250 ok\r\n250 ok\r\n451 not now\r\n")) == [(1, "data", 451)]


def test_without_pipelining_one_command_at_a_time() -> None:
    client = machine(b"250-mx\r\n250 SIZE\r\n")
    client.submit(message(1), 1)
    client.submit(message(2), 2)
    steps = [
        (b"250 ok\r\n", b"RCPT TO:<to1@b.example>\r\n"),
        (b"550 nobody\r\n", b"RSET\r\n"),
        (b"250 ok\r\n", b"MAIL FROM:<from2@a.example> SIZE=18\r\n"),
        (b"250 ok\r\n", b"RCPT TO:<to2@b.example>\r\n"),
        (b"250 ok\r\n", b"DATA\r\n"),
        (b"354 go\r\n", DATA + b".\r\n"),
        (b"250 taken\r\n", b""),
    ]
    assert written(client) == b"MAIL FROM:<from1@a.example> SIZE=18\r\n"
    events = []
    for reply, command in steps:
        events += client.receive(reply)
        assert written(client) == command
    assert codes(events) == [(1, "rcpt", 550), (2, "dot", 250)]
    client.quit()
    assert written(client) == b"QUIT\r\n"


def test_pipelining_can_be_kept_within_a_message() -> None:
    client = machine(pipelining="within")
    client.submit(message(1), 1)
    client.submit(message(2), 2)
    assert written(client) == envelope(1)
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert written(client) == DATA + b".\r\n"
    client.receive(b"250 taken\r\n")
    assert written(client) == envelope(2)


@pytest.mark.parametrize("pipelining", ["across", "within", "no"])
def test_refused_at_data_then_quit(pipelining: str) -> None:
    client = machine(pipelining=pipelining)
    client.submit(message(1), 1)
    client.quit()
    events = client.receive(b"250 ok\r\n") + client.receive(b"250 ok\r\n") + client.receive(b"554 no\r\n")
    assert codes(events) == [(1, "data", 554)]
    assert written(client).endswith(b"DATA\r\nQUIT\r\n")
    assert client.receive(b"221 bye\r\n") == [Closed(Reply(221, "", ("bye",)))]


def test_what_the_server_cannot_take_is_answered_by_ourselves() -> None:
    client = machine()
    [big] = client.submit(Outgoing("a@a.example", "b@b.example", b"x" * 999 + b"\r\n"), "big")
    [wide] = client.submit(Outgoing("a@a.example", "ü@b.example", DATA, smtputf8=True), "wide")
    assert isinstance(big, Outcome) and (big.reply.code, big.local) == (552, True)
    assert isinstance(wide, Outcome) and (wide.reply.code, wide.local) == (553, True)
    assert written(client) == b""
    client.submit(message(1, eight_bit=True, mail_params=" RET=HDRS", rcpt_params=" NOTIFY=NEVER"), 1)
    assert b" BODY=8BITMIME RET=HDRS\r\nRCPT TO:<to1@b.example> NOTIFY=NEVER\r\n" in written(client)


def test_messages_may_be_submitted_before_the_session_stands() -> None:
    client = ClientMachine(Settings("me.test", tls="never"))
    assert client.submit(message(1), 1) == []
    client.receive(b"220 x\r\n")
    assert written(client) == b"EHLO me.test\r\n"
    client.receive(EHLO)
    assert written(client) == envelope(1)


def test_421_ends_the_connection_and_returns_the_rest() -> None:
    client = machine()
    for number in (1, 2, 3):
        client.submit(message(number), number)
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    events = client.receive(b"421 4.3.2 shutting down\r\n")
    why = "421 4.3.2 shutting down"
    assert codes(events) == [(1, "dot", 421)]
    assert events[1:3] == [Lost(2, "mail", False, why), Lost(3, "mail", False, why)]
    assert isinstance(events[3], Closed)
    assert client.submit(message(4), 4) == [Lost(4, "mail", False, "connection closed")]


def test_421_out_of_the_blue() -> None:
    client = machine()
    assert client.receive(b"421 idle too long\r\n") == [Closed(Reply(421, "", ("idle too long",)))]


def test_the_connection_breaks() -> None:
    client = machine()
    for number in (1, 2, 3):
        client.submit(message(number), number)
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert client.ended("reset") == [
        Lost(1, "dot", True, "reset"),
        Lost(2, "mail", False, "reset"),
        Lost(3, "mail", False, "reset"),
        Closed(None),
    ]
    assert client.ended("again") == []


def test_a_failed_reset_ends_the_connection() -> None:
    client = machine()
    client.submit(message(1), 1)
    client.receive(b"250 ok\r\n550 no\r\n503 no\r\n")
    client.submit(message(2), 2)
    events = client.receive(b"500 what\r\n")
    assert [type(e) for e in events] == [Lost, Closed]


@pytest.mark.parametrize(
    ("said", "stage", "code"),
    [
        (b"554 go away\r\n", "greeting", 554),
        (b"421 busy\r\n", "greeting", 421),
        (b"220 x\r\n451 not now\r\n", "ehlo", 451),
        (b"220 x\r\n502 no EHLO\r\n550 no HELO\r\n", "ehlo", 550),
    ],
)
def test_no_session(said: bytes, stage: str, code: int) -> None:
    client = ClientMachine(Settings("me.test"))
    client.submit(message(1), 1)
    events = client.receive(said)
    assert isinstance(events[0], Refused) and (events[0].stage, events[0].reply.code) == (stage, code)
    assert isinstance(events[1], Lost) and isinstance(events[2], Closed)
    assert len(events) == 3


def test_an_old_server_gets_helo() -> None:
    client = ClientMachine(Settings("me.test"))
    client.receive(b"220 x\r\n500 what\r\n")
    assert written(client).endswith(b"HELO me.test\r\n")
    assert client.receive(b"250 x\r\n") == [Ready(Capabilities(greeting="x"))]
    client.submit(message(1), 1)
    assert written(client) == b"MAIL FROM:<from1@a.example>\r\n"


def test_starttls_forgets_what_came_before() -> None:
    client = ClientMachine(Settings("me.test", tls="may"))
    client.receive(b"220 x\r\n" + EHLO)
    assert written(client).endswith(b"STARTTLS\r\n")
    assert client.receive(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n") == [StartTls()]
    assert client.receive(b"250 injected\r\n") == []
    assert client.awaiting == "tls"
    client.tls_started()
    assert written(client) == b"EHLO me.test\r\n"
    [ready] = client.receive(b"250 mx.test\r\n")
    assert isinstance(ready, Ready) and ready.capabilities.names == frozenset()


@pytest.mark.parametrize(("tls", "kind"), [("may", Ready), ("must", Refused)])
def test_starttls_refused(tls: str, kind: type) -> None:
    client = ClientMachine(Settings("me.test", tls=tls))  # type: ignore[arg-type]
    events = client.receive(b"220 x\r\n" + EHLO + b"454 no\r\n")
    assert isinstance(events[0], kind)


def test_logging_in() -> None:
    credentials = Credentials("ann", "secret")
    plain = ClientMachine(Settings("me.test", tls="never", credentials=credentials))
    plain.receive(b"220 x\r\n" + EHLO)
    assert written(plain).endswith(b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")
    assert isinstance(plain.receive(b"235 ok\r\n")[0], Ready)
    login = ClientMachine(Settings("me.test", tls="never", credentials=credentials))
    login.receive(b"220 x\r\n250-x\r\n250 AUTH=LOGIN\r\n")
    assert written(login).endswith(b"AUTH LOGIN\r\n")
    login.receive(b"334 VXNlcm5hbWU6\r\n")
    assert written(login) == b"YW5u\r\n"
    login.receive(b"334 UGFzc3dvcmQ6\r\n")
    assert written(login) == b"c2VjcmV0\r\n"
    [refused, *_] = login.receive(b"535 5.7.8 wrong\r\n")
    assert isinstance(refused, Refused) and refused.stage == "auth"


def test_no_way_to_log_in() -> None:
    client = ClientMachine(Settings("me.test", tls="never", credentials=Credentials("ann", "secret")))
    [refused, *_] = client.receive(b"220 x\r\n250-x\r\n250 AUTH GSSAPI\r\n")
    assert isinstance(refused, Refused) and refused.stage == "auth"


def test_nothing_can_be_smuggled_into_a_command() -> None:
    client = machine()
    for bad in ("b@b.example>\r\nRSET", "b@b.example>\nRSET", "b\r"):
        with pytest.raises(ProtocolError):
            client.submit(Outgoing("a@a.example", bad, DATA), 1)
        with pytest.raises(ProtocolError):
            client.submit(Outgoing(bad, "a@a.example", DATA), 1)
    with pytest.raises(ProtocolError):
        client.submit(Outgoing("a@a.example", "b@b.example", b"no end"), 1)
    assert written(client) == b""


def test_room_keeps_a_message_behind_each_envelope() -> None:
    client = ClientMachine(Settings("me.test", tls="never"))
    assert client.room(2) == 0
    client = machine()
    assert (client.room(1), client.room(2)) == (2, 3)
    client.submit(message(1), 1)
    assert (client.room(1), client.room(2)) == (1, 2)
    client.submit(message(2), 2)
    assert (client.room(1), client.room(2)) == (0, 1)
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert client.room(2) == 2
    client.quit()
    assert client.room(2) == 0


# -- what a server does not take as it is --------------------------------------------------------------------------------

PLAIN = b"250-mx.test\r\n250 PIPELINING\r\n"
GREETING = "From: Käthe <k@a.example>\r\nSubject: Grüße\r\n\r\nGrüße\r\n".encode()


def sent(client: ClientMachine) -> bytes:
    """The message that travels once the envelope is taken."""
    client.take()
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    return written(client).split(b"\r\n.\r\n")[0]


def test_eight_bits_become_seven_for_who_takes_no_more() -> None:
    client = machine(PLAIN)
    data = b"From: a@a.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xc3\xbc\r\n..dot\r\n"
    client.submit(Outgoing("a@a.example", "b@b.example", data, eight_bit=True), 1)
    made = sent(client)
    assert made.isascii()
    assert b"Content-Transfer-Encoding: base64" in made or b"quoted-printable" in made
    assert machine(EHLO).submit(Outgoing("a@a.example", "b@b.example", data, eight_bit=True), 1) == []


def test_a_header_of_utf8_becomes_encoded_words_for_who_has_no_smtputf8() -> None:
    client = machine(b"250-mx.test\r\n250-8BITMIME\r\n250 PIPELINING\r\n")
    client.submit(Outgoing("a@a.example", "b@b.example", GREETING, smtputf8=True, eight_bit=True), 1)
    command = written(client)
    assert b"SMTPUTF8" not in command
    assert b"BODY=8BITMIME" in command
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nGr\xc3\xbc" in written(client)


def test_and_goes_as_it_is_where_smtputf8_is_spoken() -> None:
    client = machine(b"250-mx.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n")
    client.submit(Outgoing("a@a.example", "b@b.example", GREETING, smtputf8=True, eight_bit=True), 1)
    assert b"MAIL FROM:<a@a.example> BODY=8BITMIME SMTPUTF8\r\n" in written(client)


def test_an_address_beyond_ascii_is_refused_without_smtputf8() -> None:
    client = machine(PLAIN)
    events = client.submit(Outgoing("a@a.example", "käthe@b.example", DATA, smtputf8=True), 1)
    assert [(e.reply.code, e.reply.enhanced, e.local) for e in events if isinstance(e, Outcome)] == [
        (553, "5.6.7", True)
    ]
    assert written(client) == b""


def test_what_must_not_be_converted_is_refused() -> None:
    signed = b"From: a@a.example\r\nContent-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\n\xc3\xbc\r\n--x--\r\n"
    events = machine(PLAIN).submit(Outgoing("a@a.example", "b@b.example", signed, eight_bit=True), 1)
    assert [(e.reply.code, e.reply.enhanced) for e in events if isinstance(e, Outcome)] == [(554, "5.6.3")]


def test_the_next_message_goes_after_one_that_is_impossible() -> None:
    client = machine(PLAIN)
    client.submit(Outgoing("a@a.example", "käthe@b.example", DATA, smtputf8=True), 1)
    client.submit(message(2), 2)
    assert b"RCPT TO:<to2@b.example>" in written(client)


def test_one_that_is_first_goes_before_those_that_wait() -> None:
    client = machine()
    for number in (1, 2, 3):
        client.submit(message(number), number)
    client.submit(message(9), 9, first=True)
    client.take()
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert b"RCPT TO:<to9@b.example>" in written(client)


@pytest.mark.parametrize(("secure", "verified", "announced", "code"), [
    (True, True, True, ""), (True, True, False, "5.7.30"), (True, False, True, "5.7.10"), (False, True, True, "5.7.10"),
])  # fmt: skip
def test_requiretls_goes_only_to_who_is_proven_and_promises_the_same(secure, verified, announced, code) -> None:  # type: ignore[no-untyped-def]
    """RFC 8689 4.2.1."""
    client = ClientMachine(Settings("me.test", tls="must" if secure else "never", verified=verified))
    ehlo = b"250-mx.test\r\n250-PIPELINING\r\n250 REQUIRETLS\r\n" if announced else b"250-mx.test\r\n250 PIPELINING\r\n"
    client.receive(b"220 mx.test\r\n" + (EHLO if secure else ehlo))
    if secure:
        client.receive(b"220 go\r\n")
        client.tls_started()
        client.receive(ehlo)
    client.take()
    events = client.submit(message(1, require_tls=True), 1)
    if code:
        assert [(event.local, event.reply.enhanced) for event in events if isinstance(event, Outcome)] == [(True, code)]
        assert written(client) == b""
    else:
        assert events == []
        assert written(client).startswith(b"MAIL FROM:<from1@a.example> REQUIRETLS\r\n")


CHUNKING = b"250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 CHUNKING\r\n"


def at_once(number: int, data: bytes = DATA) -> bytes:
    return envelope(number).replace(b"DATA\r\n", b"BDAT %d LAST\r\n" % len(data)) + data


def test_a_message_travels_with_its_envelope_where_chunking_is_offered() -> None:
    client = machine(CHUNKING)
    for number in (1, 2):
        client.submit(message(number), number)
    assert written(client) == at_once(1)
    assert client.pending == 2
    assert codes(client.receive(b"250 ok\r\n250 ok\r\n250 taken\r\n")) == [(1, "dot", 250)]
    assert written(client) == at_once(2)
    assert codes(client.receive(b"250 ok\r\n250 ok\r\n452 full\r\n")) == [(2, "dot", 452)]
    client.submit(message(3), 3)
    assert written(client) == b"RSET\r\n" + envelope(3)  # RFC 3030 4.2


def test_octets_of_a_chunk_are_counted_without_stuffed_dots() -> None:
    client = machine(CHUNKING)
    client.submit(Outgoing("from1@a.example", "to1@b.example", b"..a\r\n\r\n..b\r\n.\r\n"), 1)
    assert written(client).endswith(b"\r\nBDAT 12 LAST\r\n.a\r\n\r\n.b\r\n\r\n")


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (b"250 ok\r\n550 5.1.1 nobody\r\n503 no recipients\r\n", (1, "rcpt", 550)),
        (b"250 ok\r\n550 5.1.1 nobody\r\n250 nothing to do\r\n", (1, "rcpt", 550)),
        (b"553 no\r\n503 mail first\r\n503 mail first\r\n", (1, "mail", 553)),
    ],
)
def test_a_refused_envelope_has_one_outcome_though_the_message_was_sent(replies, expected) -> None:
    client = machine(CHUNKING)
    client.submit(message(1), 1)
    client.submit(message(2), 2)
    client.take()
    events = []
    for line in replies.splitlines(keepends=True):
        events += client.receive(line)
    assert codes(events) == [expected]
    assert written(client) == b"RSET\r\n" + envelope(2)
    assert client.receive(b"250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n") == []
    assert written(client) == DATA + b".\r\n"
    assert codes(client.receive(b"250 taken\r\n")) == [(2, "dot", 250)]


@pytest.mark.parametrize("replies", [b"", b"250 ok\r\n", b"250 ok\r\n250 ok\r\n"])
def test_what_was_sent_at_once_is_in_doubt_when_the_connection_is_lost(replies) -> None:
    client = machine(CHUNKING)
    client.submit(message(1), 1)
    client.submit(message(2), 2)
    client.receive(replies)
    lost = [(event.token, event.in_doubt, event.stage) for event in client.ended("reset") if isinstance(event, Lost)]
    assert lost == [(1, True, "dot"), (2, False, "mail")]


def test_a_refused_one_is_not_in_doubt() -> None:
    client = machine(CHUNKING)
    client.submit(message(1), 1)
    assert codes(client.receive(b"250 ok\r\n550 nobody\r\n")) == [(1, "rcpt", 550)]
    assert [event for event in client.ended("reset") if isinstance(event, Lost)] == []


def test_data_where_chunking_is_not_wanted_or_the_message_is_large() -> None:
    client = machine(CHUNKING, chunking=False)
    client.submit(message(1), 1)
    assert written(client) == envelope(1)
    client = machine(CHUNKING.replace(b"250-SIZE 1000\r\n", b""))
    client.submit(Outgoing("a@a.example", "b@b.example", b"x" * 200_000 + b"\r\n"), 1)
    assert written(client).endswith(b"DATA\r\n")
    client = machine(CHUNKING.replace(b"250-PIPELINING\r\n", b""))
    client.submit(message(1), 1)
    assert written(client) == envelope(1).split(b"\r\n")[0] + b"\r\n"


def test_the_dialogue_of_a_refused_chunk_says_what_was_said() -> None:
    client = machine(CHUNKING)
    client.submit(message(1), 1)
    [outcome] = client.receive(b"250 ok\r\n250 fine\r\n554 5.7.1 no\r\n")
    assert isinstance(outcome, Outcome)
    assert outcome.dialogue.splitlines()[1:] == [
        "S: 250 ok", "C: RCPT TO:<to1@b.example>", "S: 250 fine", f"C: BDAT {len(DATA)} LAST", "-- the message", "S: 554 5.7.1 no",
    ]  # fmt: skip
