"""Real clients against the real server: smtplib, aiosmtplib, swaks, our own dialler."""

import asyncio
import shutil
import smtplib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
from tests.dialogue import contexts

from lettershop.base.errors import Temporary
from lettershop.net.dial import Target, dial
from lettershop.net.stream import Limits, Peer, StreamServer
from lettershop.servers.smtp import SmtpSession
from lettershop.wire.sasl import Credentials, Principal
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo
from lettershop.wire.smtp.grammar import dot_stuff
from lettershop.wire.smtp.outgoing import Outcome, Outgoing
from lettershop.wire.smtp.outgoing import Settings as ClientSettings
from lettershop.wire.smtp.replies import Reply
from lettershop.wire.smtp.server import Settings


@dataclass
class Mail:
    """Takes everything but for "nobody"; the password is "secret"."""

    got: list[tuple[Envelope, bytes]] = field(default_factory=list)
    refusal: Reply | None = None
    broken: bool = False

    async def accept_client(self, client: Client) -> Reply | None:
        return self.refusal

    async def accept_sender(self, client: Client, sender: MailFrom) -> Reply:
        return replies.SENDER_OK

    async def accept_recipient(self, client: Client, sender: MailFrom, recipient: RcptTo) -> Reply:
        return replies.NO_SUCH_MAILBOX if recipient.address.local == "nobody" else replies.RECIPIENT_OK

    async def deliver(self, envelope: Envelope, data: bytes) -> Reply:
        if self.broken:
            raise RuntimeError("/var/lib/private/path")
        await asyncio.sleep(0)
        self.got.append((envelope, data))
        return replies.ACCEPTED

    async def login(self, credentials: Credentials, peer: Peer) -> Principal | None:
        if credentials.user == "down":
            raise Temporary("Cannot check passwords now.")
        return Principal(1, credentials.user) if credentials.password == "secret" else None

    def may_login_in_clear(self, peer_ip: str) -> bool:
        return False


@dataclass
class House:
    mail: Mail
    smtp: int
    submission: int
    submissions: int


@pytest.fixture
async def house() -> AsyncIterator[House]:
    mail = Mail()
    tls = contexts()[0]
    relay = Settings("mx.test", tls=True)
    submit = Settings("mx.test", tls=True, login=True, login_required=True)
    limits = Limits(grace=0.5)
    servers = [
        StreamServer(lambda: SmtpSession(relay, mail), tls=tls, limits=limits),
        StreamServer(lambda: SmtpSession(submit, mail, mail), tls=tls, limits=limits),
        StreamServer(lambda: SmtpSession(submit, mail, mail), tls=tls, implicit_tls=True, limits=limits),
    ]
    ports = [(await server.listen("127.0.0.1", 0))[1] for server in servers]
    yield House(mail, *ports)
    for server in servers:
        await server.close()


def message(text: str = "hello\n.\n..dots\n") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "ann@a.example", "bob@b.example", "hi"
    made.set_content(text)
    return made


async def test_smtplib_with_everything_it_can(house: House) -> None:
    def talk() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", house.submission, timeout=10) as client:
            client.starttls(context=_client_context())
            client.login("ann@a.example", "secret")
            assert client.has_extn("chunking") and client.esmtp_features["size"] == "52428800"
            assert client.verify("ann")[0] == 252
            return client.send_message(message(), to_addrs=["bob@b.example", "nobody@b.example"])

    refused = await asyncio.to_thread(talk)
    assert refused == {"nobody@b.example": (550, b"5.1.1 No such mailbox")}
    [(envelope, data)] = house.mail.got
    assert data == bytes(message()).replace(b"\n", b"\r\n")
    assert envelope.client.protocol == "ESMTPSA"
    assert envelope.client.principal == Principal(1, "ann@a.example")
    assert envelope.sender.size == len(data)


async def test_smtplib_over_implicit_tls_with_a_wrong_password(house: House) -> None:
    def talk() -> None:
        with smtplib.SMTP_SSL("127.0.0.1", house.submissions, timeout=10, context=_client_context()) as client:
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("ann", "wrong")
            with pytest.raises(smtplib.SMTPResponseException) as caught:
                client.auth("PLAIN", lambda challenge=None: "\0down\0x")
            assert caught.value.smtp_code == 454
            with pytest.raises(smtplib.SMTPSenderRefused) as refused:
                client.sendmail("a@a.example", ["b@b.example"], b"x")
            assert refused.value.smtp_code == 530

    await asyncio.to_thread(talk)


async def test_aiosmtplib(house: House) -> None:
    for tls in (False, True):
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=house.smtp, start_tls=tls, tls_context=_client_context(), timeout=10
        ) as client:
            for _ in range(3):
                await client.sendmail("ann@a.example", ["bob@b.example"], bytes(message()))
    assert [envelope.client.tls for envelope, _ in house.mail.got] == [""] * 3 + ["TLSv1.3"] * 3
    assert len({data for _, data in house.mail.got}) == 1


async def test_smtputf8(house: House) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=house.smtp, start_tls=False, timeout=10) as client:
        await client.sendmail("jürgen@bücher.example", ["用户@b.example"], b"x\r\n", mail_options=["SMTPUTF8"])
    [(envelope, _)] = house.mail.got
    assert str(envelope.sender.address) == "jürgen@xn--bcher-kva.example"
    assert envelope.recipients[0].address.local == "用户"


@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed")
@pytest.mark.parametrize(
    "options",
    [
        ["--port", "smtp"],
        ["--port", "smtp", "--pipeline"],
        ["--port", "smtp", "--tls"],
        ["--port", "submission", "--tls", "--auth", "PLAIN", "--auth-user", "ann", "--auth-password", "secret"],
        ["--port", "submissions", "--tlsc", "--auth", "LOGIN", "--auth-user", "ann", "--auth-password", "secret"],
        ["--port", "submissions", "--tlsc", "--pipeline", "--auth-user", "ann", "--auth-password", "secret"],
    ],
    ids=" ".join,
)
async def test_swaks(house: House, options: list[str], tmp_path: Path) -> None:
    words = [str(getattr(house, word)) if word in ("smtp", "submission", "submissions") else word for word in options]
    process = await asyncio.create_subprocess_exec(
        "swaks", "--server", "127.0.0.1", "--from", "ann@a.example", "--to", "bob@b.example,eve@b.example",
        "--helo", "client.example", "--timeout", "10", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    [(envelope, data)] = house.mail.got
    assert [r.address.local for r in envelope.recipients] == ["bob", "eve"]
    assert b"This is a test mailing" in data


async def test_fifty_megabytes(house: House) -> None:
    line = b".This line begins with a dot and has seventy-six characters, give or take a few\r\n"
    body = line * (52_000_000 // len(line))
    connection = await dial(Target("127.0.0.1", house.smtp), ClientSettings("me.example", tls="never"))
    result = await connection.send(Outgoing("a@a.example", "b@b.example", dot_stuff(body)))
    assert isinstance(result, Outcome)
    assert result.local and result.reply.code == 552  # the stuffed form counts dots; RFC 1870 lets a client be careful
    body = line * (50_000_000 // len(line))
    result = await connection.send(Outgoing("a@a.example", "b@b.example", dot_stuff(body)))
    assert isinstance(result, Outcome) and result.accepted
    assert house.mail.got[0][1] == body
    await connection.close()


async def test_too_big_is_refused_whether_declared_or_not(house: House) -> None:
    def talk() -> None:
        with smtplib.SMTP("127.0.0.1", house.smtp, timeout=30) as client:
            client.ehlo()
            assert client.docmd("MAIL FROM:<a@a.example> SIZE=60000000")[0] == 552
            assert client.mail("a@a.example")[0] == 250
            assert client.rcpt("b@b.example")[0] == 250
            assert client.data(b"0123456789abcde\r\n" * 3_200_000)[0] == 552
            assert client.noop()[0] == 250

    await asyncio.to_thread(talk)
    assert house.mail.got == []


async def test_a_client_that_is_not_wanted(house: House) -> None:
    house.mail.refusal = Reply.of(554, "5.7.1", "Blocked")
    reader, writer = await asyncio.open_connection("127.0.0.1", house.smtp)
    assert await reader.read() == b"554 5.7.1 Blocked\r\n"
    writer.close()


async def test_an_inner_failure_tells_nothing_and_promises_nothing(house: House) -> None:
    house.mail.broken = True
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    reader, writer = await asyncio.open_connection("127.0.0.1", house.smtp)
    writer.write(b"HELO c\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\nx\r\n.\r\n")
    said = (await reader.read()).splitlines()
    assert said[-2].startswith(b"354")
    assert said[-1] == b"421 4.3.0 Local error, try again later"
    assert [type(error) for error in told] == [RuntimeError]
    writer.close()


async def test_many_at_once(house: House) -> None:
    async def one(number: int) -> None:
        connection = await dial(Target("127.0.0.1", house.smtp), ClientSettings("me.example"))
        posted = [
            connection.post(Outgoing("a@a.example", f"user{number}.{n}@b.example", b"%d.%d\r\n" % (number, n)))
            for n in range(20)
        ]
        assert all(isinstance(r, Outcome) and r.accepted for r in [await future for future in posted])
        await connection.close()

    await asyncio.gather(*(one(number) for number in range(30)))
    assert len(house.mail.got) == 600
    for envelope, data in house.mail.got:
        assert envelope.recipients[0].address.local.removeprefix("user") == data.decode().strip()


def _client_context() -> ssl.SSLContext:
    """Ours, without the check of the name: smtplib connects to an address."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
