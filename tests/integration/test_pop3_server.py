"""POP3 over TCP with poplib, plain with STLS and under TLS."""

import asyncio
import poplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.dialogue import contexts
from tests.mailstore import add_account, message

from lettershop.base.clock import SystemClock
from lettershop.mail.mailbox.service import Mailboxes, Upload
from lettershop.net.stream import Limits, StreamServer
from lettershop.servers.clients import Services
from lettershop.servers.pop3 import Pop3Session
from lettershop.store.blobs import open_blobs
from lettershop.wire.sasl import Credentials, Principal

USER, PASSWORD = "ann@shop.example", "secret"


class OneAccount:
    def __init__(self, account: int) -> None:
        self.account = account

    async def login(self, credentials: Credentials, peer_ip: str) -> Principal | None:
        good = (credentials.user, credentials.password) == (USER, PASSWORD)
        return Principal(self.account, USER) if good else None


@pytest.fixture
async def ports(store: Any, tmp_path: Path) -> AsyncIterator[tuple[int, int]]:
    """(plain, TLS) with three messages in the account; a password goes over TLS only."""
    clock = SystemClock()
    blobs = open_blobs(f"file://{tmp_path}/blobs", clock)
    mailboxes, account = Mailboxes(store.mail, blobs, clock), await store.mail.write(add_account)
    for subject in ("one", "two", "three"):
        await mailboxes.append(account, "INBOX", [Upload(message(subject, ".dots\r\n..\r\n"), 0.0)])
    services = Services(mailboxes, OneAccount(account), lambda peer_ip: False)
    plain, secure = (
        StreamServer(lambda: Pop3Session(services, "mail.shop.example"), tls=contexts()[0], implicit_tls=implicit,
                     limits=Limits(grace=1.0))
        for implicit in (False, True)
    )  # fmt: skip
    yield (await plain.listen("127.0.0.1", 0))[1], (await secure.listen("127.0.0.1", 0))[1]
    await asyncio.gather(plain.close(), secure.close())
    await blobs.close()


async def test_poplib(ports: tuple[int, int]) -> None:
    def client() -> None:
        pop = poplib.POP3("127.0.0.1", ports[0])
        with pytest.raises(poplib.error_proto):
            pop.user(USER)
        pop.stls(contexts()[1])
        pop.user(USER)
        pop.pass_(PASSWORD)
        assert pop.stat()[0] == 3
        assert b"\r\n".join([*pop.retr(2)[1], b""]) == message("two", ".dots\r\n..\r\n")
        assert pop.top(1, 1)[1][-1] == b".dots"
        assert len(pop.uidl()[1]) == 3
        pop.dele(2)
        pop.quit()
        again = poplib.POP3_SSL("127.0.0.1", ports[1], context=contexts()[1])
        again.user(USER)
        again.pass_(PASSWORD)
        assert b"Subject: three" in again.retr(2)[1]
        assert again.stat()[0] == 2
        again.quit()

    await asyncio.to_thread(client)
