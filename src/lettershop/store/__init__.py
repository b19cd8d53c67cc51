"""All SQL and all message bytes. Knows no protocol and no network.

Store functions are plain synchronous functions of a SQLAlchemy connection (reads) or a `Transaction` (writes):

    def by_address(conn: Connection, address: str) -> Account | None
    def add_alias(tx: Transaction, address: str, account_id: int) -> int

and `Database` decides where they run: `await db.read(accounts.by_address, "a@b.example")`,
`await db.write(accounts.add_alias, "a@b.example", 7)`. On SQLite that is a reader thread or the process's one writer
thread with group commit, on PostgreSQL the same functions run over asyncpg. A write returns only after its commit.

Two halves, so that mail and marketing writes never wait on each other: `mail` (domains, accounts, mailboxes, messages)
and `main` (everything else). On SQLite each half is a file of its own, on PostgreSQL both live in one database. No
query joins across the halves.
"""
