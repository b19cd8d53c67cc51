"""The scripted receivers do what their scripts say; through them, what `net.dial` makes of it."""

import pytest
from tests.dialogue import contexts
from tests.receivers import Network, Receiver, accept, drop, garbage, refuse, stall

from lettershop.net.dial import CannotConnect, SmtpConnection, Target, Timeouts, dial
from lettershop.wire.smtp.outgoing import Lost, Outcome, Outgoing, Settings
from lettershop.wire.smtp.replies import Reply

DATA = b"Subject: hello\r\n\r\n..dots\r\n"


async def connect(receiver: Receiver, **options: object) -> SmtpConnection:
    settings = Settings("me.example", **options)  # type: ignore[arg-type]
    return await dial(Target("127.0.0.1", receiver.port), settings, timeouts=Timeouts.all(0.3))


def to(name: str, mail_from: str = "a@a.example") -> Outgoing:
    return Outgoing(mail_from, f"{name}@b.example", DATA)


@pytest.mark.parametrize("pipelining", ["across", "within", "no"])
async def test_each_recipient_gets_its_own_answer(pipelining: str) -> None:
    async with Network() as net:
        receiver = await net.receiver("b.example")
        receiver.on("dead@b.example", refuse(550, "5.1.1", "No such user"))
        receiver.on("busy@b.example", refuse(451, "4.7.1", "Later"), accept())
        receiver.on("spam@b.example", refuse(554, "5.7.1", "Spam", at="dot"))
        receiver.on("bad@a.example", refuse(553, "5.1.8", "Bad sender", at="mail"))
        connection = await connect(receiver, pipelining=pipelining)
        posted = [connection.post(to(name)) for name in ("dead", "ann", "busy", "busy", "spam", "dead", "bob")]
        posted.append(connection.post(to("ann", "bad@a.example")))
        posted.append(connection.post(to("ann", "")))
        results = [await future for future in posted]
        await connection.close()
    assert [(r.stage, r.reply.code) for r in results if isinstance(r, Outcome)] == [
        ("rcpt", 550), ("dot", 250), ("rcpt", 451), ("dot", 250), ("dot", 554), ("rcpt", 550), ("dot", 250),
        ("mail", 553), ("dot", 250),
    ]  # fmt: skip
    assert [m.recipient for m in receiver.messages] == [f"{n}@b.example" for n in ("ann", "busy", "bob", "ann")]
    assert receiver.messages[0].data == b"Subject: hello\r\n\r\n.dots\r\n"
    assert receiver.messages[-1].mail_from == ""
    assert receiver.connections == 1
    assert receiver.tries["busy@b.example"] == 2


async def test_a_cut_after_the_dot_leaves_doubt_about_that_message_only() -> None:
    async with Network() as net:
        receiver = await net.receiver("b.example")
        receiver.on("cut@b.example", drop(at="dot", taken=True))
        connection = await connect(receiver)
        results = [await f for f in [connection.post(to(name)) for name in ("ann", "cut", "bob", "eve")]]
    assert isinstance(results[0], Outcome) and results[0].accepted
    assert [(r.stage, r.in_doubt) for r in results[1:] if isinstance(r, Lost)] == [
        ("dot", True), ("mail", False), ("mail", False)
    ]  # fmt: skip
    assert [m.recipient for m in receiver.messages] == ["ann@b.example", "cut@b.example"]
    assert connection.closed


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (stall(at="dot"), "timed out waiting for the answer to dot"),
        (stall(at="rcpt"), "timed out waiting for the answer to rcpt"),
        (garbage(), "The server sent something that is no SMTP reply."),
    ],
)
async def test_what_is_not_answered_is_lost_with_the_reason(behaviour, why: str) -> None:  # type: ignore[no-untyped-def]
    async with Network() as net:
        receiver = await net.receiver("b.example")
        receiver.on("x@b.example", behaviour)
        connection = await connect(receiver)
        result = await connection.send(to("x"))
    assert isinstance(result, Lost)
    assert result.why == why
    assert result.in_doubt is (behaviour.at in ("rcpt", "dot"))  # BDAT: the message is out with its envelope


async def test_421_answers_one_message_and_returns_the_others() -> None:
    async with Network() as net:
        receiver = await net.receiver("b.example", per_connection=2)
        connection = await connect(receiver)
        results = [await f for f in [connection.post(to(f"u{n}")) for n in range(4)]]
    assert [r.stage for r in results] == ["dot", "dot", "mail", "mail"]
    assert isinstance(results[2], Outcome) and results[2].reply.code == 421
    assert isinstance(results[3], Lost) and "421" in results[3].why
    assert isinstance(await connection.send(to("late")), Lost)


async def test_a_refused_greeting_is_told_with_its_reply() -> None:
    async with Network() as net:
        receiver = await net.receiver("b.example", greeting=Reply.of(554, "5.7.1", "Blocked"))
        with pytest.raises(CannotConnect) as caught:
            await connect(receiver)
    assert (caught.value.stage, caught.value.reply) == ("greeting", Reply.of(554, "5.7.1", "Blocked"))


async def test_nobody_listens() -> None:
    with pytest.raises(CannotConnect) as caught:
        await dial(Target("127.0.0.1", 1), Settings("me.example"))
    assert caught.value.stage == "connect"


@pytest.mark.parametrize("pipelining", ["across", "no"])
async def test_tls_is_used_where_offered(pipelining: str) -> None:
    server, client = contexts()
    async with Network() as net:
        receiver = await net.receiver("b.example", tls=server)
        settings = Settings("me.example", tls="must", pipelining=pipelining)  # type: ignore[arg-type]
        target = Target("127.0.0.1", receiver.port, server_name="localhost")
        connection = await dial(target, settings, tls=client)
        result = await connection.send(to("ann"))
        await connection.close()
    assert isinstance(result, Outcome) and result.accepted
    assert connection.tls is not None and connection.tls.version == "TLSv1.3"
    assert receiver.messages[0].client.tls == "TLSv1.3"


async def test_opportunistic_tls_goes_on_without_when_the_handshake_fails() -> None:
    server, client = contexts()
    async with Network() as net:
        receiver = await net.receiver("b.example", tls=server)
        target = Target("127.0.0.1", receiver.port, server_name="wrong.example")
        connection = await dial(target, Settings("me.example", tls="may"), tls=client)
        assert connection.tls is None
        await connection.close()
        with pytest.raises(CannotConnect) as caught:
            await dial(target, Settings("me.example", tls="must"), tls=client)
    assert caught.value.stage == "tls"


async def test_tls_that_must_be_and_is_not_offered() -> None:
    async with Network() as net:
        receiver = await net.receiver("b.example")
        with pytest.raises(CannotConnect) as caught:
            await dial(Target("127.0.0.1", receiver.port), Settings("me.example", tls="must"), tls=contexts()[1])
    assert caught.value.stage == "tls"


async def test_close_waits_for_what_was_posted() -> None:
    async with Network() as net:
        receiver = await net.receiver("b.example")
        receiver.on("slow@b.example", accept(wait=0.1))
        connection = await connect(receiver)
        posted = [connection.post(to("slow")), connection.post(to("ann"))]
        await connection.close()
        assert all(f.done() for f in posted)
    assert len(receiver.messages) == 2
    assert receiver.open_now == 0


async def test_an_address_cannot_smuggle_a_command() -> None:
    from lettershop.base.errors import ProtocolError

    async with Network() as net:
        connection = await connect(await net.receiver("b.example"))
        with pytest.raises(ProtocolError):
            connection.post(Outgoing("a@a.example", "b@b.example>\r\nRSET", DATA))
        with pytest.raises(ProtocolError):
            connection.post(Outgoing("a@a.example", "b@b.example", b"no end"))
        await connection.close()
