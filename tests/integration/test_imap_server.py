"""IMAP over TCP with the clients that people use: imaplib, imapclient and curl, against the real server loop."""

import asyncio
import imaplib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient
from tests.dialogue import contexts
from tests.mailstore import add_account, message

from lettershop.base.clock import SystemClock
from lettershop.mail.mailbox.service import Mailboxes, Upload
from lettershop.net.stream import Limits, StreamServer
from lettershop.servers.clients import Services
from lettershop.servers.imap import ImapSession, Settings
from lettershop.store.blobs import open_blobs
from lettershop.wire.sasl import Credentials, Principal

USER, PASSWORD = "ann@shop.example", "secret"


class Running:
    """A server on a free port; `call` runs a client in a thread."""

    def __init__(self, mailboxes: Mailboxes, account: int) -> None:
        self.mailboxes, self.account = mailboxes, account
        services = Services(mailboxes, self, lambda peer_ip: True)
        settings = Settings("mail.shop.example")
        limits = Limits(grace=1.0)
        self.server = StreamServer(lambda: ImapSession(services, settings), tls=contexts()[0], limits=limits)
        self.secure = StreamServer(
            lambda: ImapSession(services, settings), tls=contexts()[0], implicit_tls=True, limits=limits
        )  # fmt: skip
        self.port = self.tls_port = 0

    async def login(self, credentials: Credentials, peer_ip: str) -> Principal | None:
        good = (credentials.user, credentials.password) == (USER, PASSWORD)
        return Principal(self.account, USER) if good else None

    async def start(self) -> None:
        _, self.port = await self.server.listen("127.0.0.1", 0)
        _, self.tls_port = await self.secure.listen("127.0.0.1", 0)

    async def stop(self) -> None:
        await asyncio.gather(self.server.close(), self.secure.close())

    async def add(self, *messages: bytes) -> None:
        for data in messages:
            await self.mailboxes.append(self.account, "INBOX", [Upload(data, 1_700_000_000.0)])


@pytest.fixture
async def running(store: Any, tmp_path: Path) -> AsyncIterator[Running]:
    clock = SystemClock()
    blobs = open_blobs(f"file://{tmp_path}/blobs", clock)
    server = Running(Mailboxes(store.mail, blobs, clock), await store.mail.write(add_account))
    await server.start()
    yield server
    await server.stop()
    await blobs.close()


def no_checks() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def test_imaplib(running: Running) -> None:
    await running.add(message("one"), message("two"))

    def client() -> None:
        with imaplib.IMAP4("127.0.0.1", running.port) as imap:
            imap.starttls(contexts()[1])
            imap.login(USER, PASSWORD)
            assert imap.select() == ("OK", [b"2"])
            assert imap.uid("SEARCH", "SUBJECT", "two") == ("OK", [b"2"])
            _, data = imap.uid("FETCH", "2", "(BODY[])")
            assert data[0][1] == message("two")  # type: ignore[index]
            imap.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
            assert imap.expunge() == ("OK", [b"2"])
            imap.append("Sent", "\\Seen", imaplib.Time2Internaldate(0), message("sent"))
            assert imap.status("Sent", "(MESSAGES UNSEEN)") == ("OK", [b"Sent (MESSAGES 1 UNSEEN 0)"])

    await asyncio.to_thread(client)


async def test_imapclient(running: Running) -> None:
    await running.add(message("one", Date="Tue, 14 Nov 2023 22:13:20 +0000"), message("two"), message("three"))

    def client() -> None:
        with IMAPClient("127.0.0.1", running.tls_port, ssl=True, ssl_context=no_checks()) as imap:
            imap.login(USER, PASSWORD)
            assert {name for _, _, name in imap.list_folders()} >= {"INBOX", "Sent", "Trash"}
            assert imap.find_special_folder(b"\\Sent") == "Sent"
            imap.create_folder("Büro/Ablage")
            assert imap.folder_exists("Büro/Ablage")
            imap.select_folder("INBOX")
            fetched = imap.fetch([1, 2], ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "RFC822.SIZE", "INTERNALDATE"])
            assert fetched[1][b"ENVELOPE"].subject == b"one"
            assert fetched[1][b"ENVELOPE"].from_[0].host == b"b.example"
            assert fetched[2][b"RFC822.SIZE"] == len(message("two"))
            assert imap.search(["SUBJECT", "three"]) == [3]
            imap.add_flags([1], [b"\\Seen", b"Work"])
            assert set(imap.get_flags([1])[1]) >= {b"\\Seen", b"Work"}
            imap.move([1, 3], "Büro/Ablage")
            assert imap.folder_status("Büro/Ablage", ["MESSAGES"])[b"MESSAGES"] == 2
            assert imap.search() == [2]

    await asyncio.to_thread(client)


async def test_idle_hears_of_mail_within_a_second(running: Running) -> None:
    ready, loop = asyncio.Event(), asyncio.get_running_loop()

    def client() -> list[Any]:
        with IMAPClient("127.0.0.1", running.port, ssl=False) as imap:
            imap.login(USER, PASSWORD)
            imap.select_folder("INBOX")
            imap.idle()
            loop.call_soon_threadsafe(ready.set)
            heard: list[Any] = imap.idle_check(timeout=3)
            imap.idle_done()
            return heard

    task = asyncio.ensure_future(asyncio.to_thread(client))
    await ready.wait()
    await running.add(message("news"))
    assert (1, b"EXISTS") in await task


async def test_curl(running: Running) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    await running.add(message("from curl"))
    url = f"imap://127.0.0.1:{running.port}"

    def curl(*arguments: str) -> str:
        command = ["curl", "-sS", "--max-time", "10", "-u", f"{USER}:{PASSWORD}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "Subject: from curl" in await asyncio.to_thread(curl, f"{url}/INBOX;UID=1")
    assert "SEARCH 1" in await asyncio.to_thread(curl, f"{url}/INBOX?SUBJECT%20curl")
    assert "Drafts" in await asyncio.to_thread(curl, url)


async def test_a_large_message_goes_through_and_a_slow_reader_gets_it_all(running: Running) -> None:
    big = message("big", "0123456789abcde\r\n" * 400_000)

    def client() -> None:
        with imaplib.IMAP4("127.0.0.1", running.port) as imap:
            imap.login(USER, PASSWORD)
            imap.append("INBOX", "", imaplib.Time2Internaldate(0), big)
            imap.select()
            _, data = imap.fetch("1", "(RFC822)")
            assert data[0][1] == big  # type: ignore[index]

    await asyncio.to_thread(client)


async def test_shutdown_says_bye_even_to_an_idle_client(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    await reader.readline()
    writer.write(f"a LOGIN {USER} {PASSWORD}\r\nb SELECT INBOX\r\nc IDLE\r\n".encode())
    while not (await reader.readline()).startswith(b"+"):
        pass
    await running.server.close()
    assert b"BYE" in await reader.read()
    writer.close()
