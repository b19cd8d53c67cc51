"""A mail server process for tests: IMAP and POP3 on free loopback ports, one account, SQLite and pack files in a folder.

python mail_server_process.py FOLDER      prints "imap PORT", "pop3 PORT", then "ready"; ends when its standard input closes
"""

import asyncio
import sys
from pathlib import Path

import uvloop

from lettershop.base.clock import SystemClock
from lettershop.mail.mailbox.service import Mailboxes
from lettershop.net.stream import StreamServer
from lettershop.servers.clients import Services
from lettershop.servers.imap import ImapSession, Settings
from lettershop.servers.pop3 import Pop3Session
from lettershop.store import mailboxes
from lettershop.store.blobs import open_blobs
from lettershop.store.database import Transaction
from lettershop.store.migrate import MAIL, open_half, upgrade
from lettershop.store.rows import insert_one
from lettershop.store.schema_mail import accounts, domains
from lettershop.wire.sasl import Credentials, Principal

USER, PASSWORD = "user@shop.example", "pass"


class OneAccount:
    def __init__(self, account_id: int) -> None:
        self._principal = Principal(account_id, USER)

    async def login(self, credentials: Credentials, peer_ip: str) -> Principal | None:
        return self._principal if (credentials.user, credentials.password) == (USER, PASSWORD) else None


def add_account(tx: Transaction) -> int:
    domain = insert_one(tx.conn, domains, name="shop.example", created_at=0.0)
    account = insert_one(tx.conn, accounts, address=USER, domain_id=domain, password_hash="", created_at=0.0)
    mailboxes.ensure_mailboxes(tx, account, 1_700_000_000.0)
    return account


async def main(folder: Path) -> None:
    url = f"sqlite:///{folder}/mail.db"
    await upgrade(url)
    clock = SystemClock()
    db, blobs = open_half(url, MAIL), open_blobs(f"file://{folder}/blobs", clock)
    services = Services(Mailboxes(db, blobs, clock), OneAccount(await db.write(add_account)), lambda ip: True)
    imap = StreamServer(lambda: ImapSession(services, Settings("mail.shop.example")))
    print("imap", (await imap.listen("127.0.0.1", 0))[1])
    pop3 = StreamServer(lambda: Pop3Session(services, "mail.shop.example"))
    print("pop3", (await pop3.listen("127.0.0.1", 0))[1])
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.gather(imap.close(), pop3.close())
    await blobs.close()
    await db.close()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
