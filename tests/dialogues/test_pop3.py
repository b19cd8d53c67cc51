"""POP3 as dialogues: each is played on the session in memory, byte by byte, and over TCP."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest
from tests.dialogue import WIRES, Sessions, Wire, play
from tests.mailstore import MemoryBlobs, add_account

from lettershop.base.clock import SystemClock
from lettershop.base.errors import Temporary
from lettershop.mail.mailbox.service import Mailboxes, Upload
from lettershop.net.stream import Session
from lettershop.servers.clients import Services
from lettershop.servers.pop3 import Pop3Session
from lettershop.store.migrate import MAIL, open_half, upgrade
from lettershop.wire.sasl import Credentials, Principal

pytestmark = pytest.mark.parametrize("wire", WIRES, ids=["memory", "bytewise", "tcp"])
Make = Callable[[Sessions], Wire]


class Staged:
    """A service with one account, whose password is "secret word"."""

    def __init__(self, mailboxes: Mailboxes, account: int) -> None:
        self.mailboxes, self.account = mailboxes, account
        self.in_clear = True

    async def login(self, credentials: Credentials, peer_ip: str) -> Principal | None:
        if credentials.user == "down":
            raise Temporary("Cannot check passwords now.")
        good = (credentials.user, credentials.password) == ("ann", "secret word")
        return Principal(self.account, "ann@shop.example") if good else None

    async def add(self, *messages: bytes) -> None:
        for data in messages:
            await self.mailboxes.append(self.account, "INBOX", [Upload(data, 0.0)])

    async def talk(self, script: str, wire: Make) -> None:
        services = Services(self.mailboxes, self, lambda peer_ip: self.in_clear)
        await play(script, wire(lambda: cast(Session, Pop3Session(services, "mail.shop.example"))))


@pytest.fixture
async def staged(tmp_path: Path) -> AsyncIterator[Staged]:
    url = f"sqlite:///{tmp_path}/mail.db"
    await upgrade(url)
    db = open_half(url, MAIL)
    yield Staged(Mailboxes(db, MemoryBlobs(), SystemClock()), await db.write(add_account))
    await db.close()


IN = """
    S: +OK mail.shop.example ready.
    C: USER ann
    S: +OK …
    C: PASS secret word
    S~ \\+OK \\d+ messages\\.
"""
ONE = b"Subject: one\r\n\r\n.dot\r\nlast\r\n"
TWO = b"Subject: two\r\n\r\nbody\r\n"


async def test_a_maildrop(wire: Make, staged: Staged) -> None:
    await staged.add(ONE, TWO)
    script = """
        C: STAT
        S: +OK 2 50
        C: LIST
        S: +OK …
        S: 1 28
        S: 2 22
        S: .
        C: LIST 2
        S: +OK 2 22
        C: UIDL
        S: +OK …
        S~ 1 \\d+\\.1
        S~ 2 \\d+\\.2
        S: .
        C: UIDL 3
        S: -ERR …
        C: RETR 1
        S: +OK 28 bytes.
        S: Subject: one
        S:
        S: ..dot
        S: last
        S: .
        C: TOP 1 1
        S: +OK …
        S: Subject: one
        S:
        S: ..dot
        S: .
        C: TOP 1
        S: -ERR …
        C: RETR x
        S: -ERR …
        C: DELE 1
        S: +OK …
        C: DELE 1
        S: -ERR …
        C: RETR 1
        S: -ERR …
        C: STAT
        S: +OK 1 22
        C: RSET
        S: +OK …
        C: NOOP
        S: +OK
        C: DELE 2
        S: +OK …
        C: QUIT
        S: +OK Good-bye.
        EOF
    """
    await staged.talk(IN + script, wire)
    again = IN + "C: LIST\nS: +OK …\nS: 1 28\nS: .\nC: DELE 1\nS: +OK …\n"
    await staged.talk(again, wire)  # no QUIT: nothing is deleted
    await staged.talk(IN + "C: STAT\nS: +OK 1 28\n", wire)


async def test_log_in(wire: Make, staged: Staged) -> None:
    script = """
        S: +OK mail.shop.example ready.
        C: STAT
        S: -ERR …
        C: PASS x
        S: -ERR USER comes first.
        C: USER ann
        S: +OK …
        C: PASS wrong
        S: -ERR [AUTH] …
        C: USER down
        S: +OK …
        C: PASS x
        S: -ERR [SYS/TEMP] Cannot check passwords now.
        C: CAPA
        S: +OK …
        S: TOP
        S: UIDL
        S: RESP-CODES
        S: AUTH-RESP-CODE
        S: PIPELINING
        S: EXPIRE NEVER
        S: STLS
        S: USER
        S: SASL PLAIN LOGIN
        S: .
        C: AUTH PLAIN
        S: +…
        C: *
        S: -ERR …
        C: AUTH X
        S: -ERR …
        C: AUTH PLAIN AGFubgBzZWNyZXQgd29yZA==
        S: +OK 0 messages.
        C: USER ann
        S: -ERR …
    """
    await staged.talk(script, wire)


async def test_stls(wire: Make, staged: Staged) -> None:
    staged.in_clear = False
    script = """
        S: +OK …
        C: USER ann
        S: -ERR Log in after STLS, please.
        C: AUTH PLAIN AGFubgBzZWNyZXQgd29yZA==
        S: -ERR Log in after STLS, please.
        C: STLS
        S: +OK Begin TLS now.
        TLS
        C: STLS
        S: -ERR …
        C: USER ann
        S: +OK …
        C: PASS secret word
        S: +OK 0 messages.
    """
    await staged.talk(script, wire)


async def test_too_many_wrong_passwords_end_the_conversation(wire: Make, staged: Staged) -> None:
    await staged.talk("S: +OK …\n" + "C: USER ann\nS: +OK …\nC: PASS x\nS: -ERR …\n" * 5 + "EOF", wire)


async def test_nonsense_and_endless_lines_end_the_conversation(wire: Make, staged: Staged) -> None:
    await staged.talk("S: +OK …\n" + "C: DANCE\nS: -ERR …\n" * 20 + "EOF", wire)
    await staged.talk("S: +OK …\nC# x 5000\nS: -ERR The line is too long.\nEOF", wire)


async def test_commands_sent_together_are_answered_in_order(wire: Make, staged: Staged) -> None:
    await staged.add(TWO)
    script = """
        C: STAT
        C: RETR 1
        C: NOOP
        C: QUIT
        S: +OK 1 22
        S: +OK 22 bytes.
        S: Subject: two
        S:
        S: body
        S: .
        S: +OK
        S: +OK Good-bye.
        EOF
    """
    await staged.talk(IN + script, wire)
