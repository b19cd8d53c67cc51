"""What was said, for people: the whole of it where it failed, nothing where it went well, never a secret or a body."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.sasl import Credentials
from lettershop.wire.smtp.client import ClientMachine
from lettershop.wire.smtp.outgoing import Lost, Outcome, Outgoing, Settings
from lettershop.wire.smtp.replies import Reply
from lettershop.wire.smtp.transcript import LONGEST, answered, bounded, hidden, said

EHLO = b"250-mx.test\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n"
BODY = b"Subject: x\r\n\r\nvery private\r\n"
ONE, TWO = (Outgoing(f"a{n}@a.example", f"b{n}@b.example", BODY) for n in (1, 2))


def machine(ehlo=EHLO, **settings):
    made = ClientMachine(Settings("me.test", tls="never", **settings))
    made.receive(b"220 mx.test ready\r\n" + ehlo)
    return made


def dialogue(events):
    (found,) = [event for event in events if isinstance(event, Outcome | Lost)]
    return found.dialogue.splitlines()


def test_the_opening():
    assert machine().opening.splitlines() == [
        "S: 220 mx.test ready", "C: EHLO me.test", "S: 250-mx.test", "S: 250-PIPELINING", "S: 250 AUTH PLAIN LOGIN",
    ]  # fmt: skip


@pytest.mark.parametrize("hello", [EHLO, b"250 mx.test\r\n"], ids=["pipelined", "not"])
def test_a_refused_recipient(hello):
    client = machine(hello)
    client.submit(ONE, 1)
    events = client.receive(b"250 2.1.0 fine\r\n") + client.receive(b"550 5.1.1 nobody\r\n")
    assert dialogue(events) == [
        "C: MAIL FROM:<a1@a.example>", "S: 250 2.1.0 fine", "C: RCPT TO:<b1@b.example>", "S: 550 5.1.1 nobody",
    ]  # fmt: skip


def test_what_is_refused_at_the_end_is_its_own_dialogue_though_the_next_one_travels_behind_it():
    client = machine()
    client.submit(ONE, 1)
    client.submit(TWO, 2)
    client.receive(b"250 m1\r\n250 r1\r\n354 go\r\n")
    [refused] = client.receive(b"554 5.7.1 spam\r\n")
    assert refused.dialogue.splitlines() == [
        "C: MAIL FROM:<a1@a.example>", "S: 250 m1", "C: RCPT TO:<b1@b.example>", "S: 250 r1", "C: DATA", "S: 354 go",
        "-- the message, ended by a dot", "S: 554 5.7.1 spam",
    ]  # fmt: skip
    [second] = client.receive(b"250 m2\r\n450 later\r\n")
    assert second.dialogue.splitlines()[:2] == ["C: MAIL FROM:<a2@a.example>", "S: 250 m2"]
    assert "private" not in refused.dialogue + second.dialogue


def test_accepted_at_once_nothing_is_written():
    client = machine()
    client.submit(ONE, 1)
    [accepted] = client.receive(b"250 m\r\n250 r\r\n354 go\r\n250 ok\r\n")
    assert accepted.dialogue == ""


def test_a_connection_that_ends_says_how_far_it_was():
    client = machine()
    client.submit(ONE, 1)
    client.receive(b"250 m\r\n")
    [lost, _] = client.ended("timed out")
    assert lost.dialogue.splitlines()[-3:] == ["S: 250 m", "C: RCPT TO:<b1@b.example>", "-- timed out"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_passwords_are_never_kept(mechanism):
    credentials = Credentials("user", "pass word")
    client = ClientMachine(Settings("me.test", tls="never", credentials=credentials))
    client.receive(b"220 mx\r\n250-mx\r\n250 AUTH %s\r\n" % mechanism.encode())
    wire = b"".join(client.take())
    while not client.closed and client.awaiting == "auth":
        client.receive(b"334 UGFzc3dvcmQ6\r\n" if wire.count(b"\r\n") < 4 and mechanism == "LOGIN" else b"535 no\r\n")
        wire += b"".join(client.take())
    assert wire
    secrets = [
        word for line in wire.decode().splitlines() for word in line.split() if word.endswith("=") or len(word) > 12
    ]
    assert secrets or mechanism == "LOGIN"
    opening = client.opening
    assert f"C: AUTH {mechanism} (hidden)" in opening
    assert "S: 535 no" in opening
    for word in secrets:
        assert word not in opening
    assert "UGFz" not in opening


def test_encryption_is_remarked_and_what_was_said_before_it_stays():
    client = ClientMachine(Settings("me.test"))
    client.receive(b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n")
    client.receive(b"220 go\r\n")
    client.tls_started()
    assert client.opening.splitlines()[-4:] == [
        "C: STARTTLS",
        "S: 220 go",
        "-- encrypted from here on",
        "C: EHLO me.test",
    ]


def test_lines_and_wholes_are_bounded_and_end_with_the_end():
    assert len(said("x" * 9999)) < 400
    long = answered(Reply(250, "", tuple("word " * 50 for _ in range(500))))
    assert long.count("\n") < 25
    text = "\n".join(["begin", *("x" * 100 for _ in range(200)), "S: 550 end"])
    assert len(bounded(text)) <= LONGEST + 10
    assert bounded(text).startswith("begin")
    assert bounded(text).endswith("S: 550 end")
    assert bounded("short") == "short"


@given(st.text(max_size=400))
def test_whatever_is_said_is_one_line_that_can_be_stored(text):
    for line in (said(text), answered(Reply(450, "", (text,)))):
        line.encode()
        assert "\n" not in line
        assert "\x00" not in line


def test_a_response_to_a_challenge_is_hidden_whatever_it_is():
    assert hidden("dXNlcg==") == "C: (hidden)"
    assert "cGFzcw" not in hidden("AUTH PLAIN AGEAcGFzcw==")
