"""What of the logs of facts is forgotten with time: who asked for a pixel or a link, and whole facts. A piece at a time.

Ids follow time, so a cursor (`fact_cursors`) goes up the log and stops at the first row that is too young. A fact that
somebody has not read yet is not deleted.
"""

from sqlalchemy import Connection, delete, func, select, update

from lettershop.store import factlog
from lettershop.store.database import Transaction
from lettershop.store.factlog import Log
from lettershop.store.hits import AGED
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import fact_cursors, facts

RAW = "forget-raw"
PIECE = 5000
SIGNALS = ("ip", "user_agent", "headers")
_LOGS = {"facts": facts, "mail_facts": mail_facts}


def forget_raw(tx: Transaction, before: float) -> bool:
    """Take the raw signals out of the next opens and clicks made before a moment; True if there may be more."""
    since, c = factlog.position(tx.conn, RAW, "facts"), facts.c
    rows = tx.conn.execute(select(c.id, c.at, c.kind, c.data).where(c.id > since).order_by(c.id).limit(PIECE)).all()
    old = [row for row in rows if row.at < before]
    for row in old:
        if row.kind in ("Opened", "Clicked") and any(row.data.get(name) for name in SIGNALS):
            kept = {name: ("" if name in SIGNALS else value) for name, value in row.data.items()}
            tx.conn.execute(update(facts).where(c.id == row.id).values(data={**kept, AGED: True}))
    if old:
        factlog.advance(tx, RAW, "facts", since=since, to=old[-1].id)
    return len(old) == PIECE


def slowest(conn: Connection, log: Log) -> int:
    """Up to where all consumers have read a log (main half)."""
    c = fact_cursors.c
    return conn.scalar(select(func.min(c.position)).where(c.log == log, c.consumer != RAW)) or 0


def forget_facts(tx: Transaction, log: Log, before: float, up_to: int) -> bool:
    """Delete the oldest facts made before a moment, and not after `up_to`; True if there may be more."""
    c = _LOGS[log].c
    rows = tx.conn.execute(select(c.id, c.at).where(c.id <= up_to).order_by(c.id).limit(PIECE)).all()
    old = [row.id for row in rows if row.at < before]
    if old:
        tx.conn.execute(delete(_LOGS[log]).where(c.id >= old[0], c.id <= old[-1], c.at < before))
    return len(old) == PIECE
