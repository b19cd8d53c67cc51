"""An account with mailboxes on a test's database, and message bytes in a dictionary."""

from lettershop.store import mailboxes
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_one
from lettershop.store.schema_mail import accounts, domains

NOW = 1_700_000_000.0


class MemoryBlobs:
    """`mail.mailbox.blobs.BlobStore` in memory; counts what was read."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.bytes_read = 0

    async def put(self, data: bytes) -> str:
        key = f"blob{len(self.kept)}"
        self.kept[key] = data
        return key

    async def get(self, key: str) -> bytes:
        self.bytes_read += len(self.kept[key])
        return self.kept[key]

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        self.bytes_read += max(0, end - start)
        return self.kept[key][start:end]


def add_account(tx: Transaction, address: str = "ann@shop.example", quota: int | None = None) -> int:
    """The id of a new account with its mailboxes; the domain is made where it is missing."""
    name = address.partition("@")[2]
    found = tx.conn.execute(domains.select().where(domains.c.name == name)).first()
    domain = found[0] if found else insert_one(tx.conn, domains, name=name, created_at=NOW)
    account = insert_one(
        tx.conn, accounts, address=address, domain_id=domain, password_hash="", quota_bytes=quota, created_at=NOW
    )
    mailboxes.ensure_mailboxes(tx, account, NOW)
    return account


def message(subject: str = "hello", body: str = "Hello world", **fields: str) -> bytes:
    """A small message with CRLF line ends."""
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"From: Bob <bob@b.example>\r\nTo: ann@shop.example\r\nSubject: {subject}\r\n{extra}\r\n{body}\r\n".encode()
