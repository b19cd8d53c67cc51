"""How connections to domains went, by day, domain, policy and failure: what TLS reports are made of (RFC 8460)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, select

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new, upsert
from lettershop.store.schema_transport import tls_reports, tls_results

DAY = 86_400


@dataclass(frozen=True, slots=True, order=True)
class Result:
    """What happened, as often as it is counted. `policy` is its text; `failure` is empty, and so are the hosts, where it went well."""

    day: int
    domain: str
    kind: str
    policy: str = ""
    failure: str = ""
    mx: str = ""
    receiving_ip: str = ""
    sending_ip: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """A result and how many sessions it stands for."""

    result: Result
    sessions: int


_KEY = tuple(Result.__slots__)
_COLUMNS = [tls_results.c[name] for name in _KEY]


def add(tx: Transaction, counted: Sequence[Counted]) -> None:
    """Count these in addition; in one order, so that processes do not lock each other out."""
    rows = [
        {**{name: getattr(one.result, name) for name in _KEY}, "sessions": one.sessions}
        for one in sorted(counted, key=lambda one: one.result)
    ]
    upsert(tx.conn, tls_results, rows, key=_KEY, add=("sessions",))


def results(conn: Connection, *, since: int, domain: str = "") -> list[Counted]:
    """What was counted from this day on, newest first; of one domain, or of all."""
    which = [tls_results.c.day >= since] + ([tls_results.c.domain == domain] if domain else [])
    query = select(*_COLUMNS, tls_results.c.sessions).where(*which)
    order = (
        tls_results.c.day.desc(),
        tls_results.c.domain,
        tls_results.c.kind,
        tls_results.c.failure,
        tls_results.c.mx,
    )
    return [_counted(row) for row in conn.execute(query.order_by(*order))]


def of_day(conn: Connection, day: int, domain: str) -> list[Counted]:
    """What was counted of a domain on a day, in an order that is always the same."""
    query = select(*_COLUMNS, tls_results.c.sessions).where(tls_results.c.day == day, tls_results.c.domain == domain)
    return [_counted(row) for row in conn.execute(query.order_by(*_COLUMNS))]


def unreported(conn: Connection, before: int) -> list[tuple[int, str]]:
    """(day, domain) before this day of which nobody was told yet."""
    c, done = tls_results.c, tls_reports.c
    joined = tls_results.outerjoin(tls_reports, and_(done.day == c.day, done.domain == c.domain))
    query = select(c.day, c.domain).distinct().select_from(joined).where(c.day < before, done.day.is_(None))
    return [(row[0], row[1]) for row in conn.execute(query.order_by(c.day, c.domain))]


def reported(tx: Transaction, day: int, domain: str, sent_to: str, now: float) -> None:
    """This day of this domain is done with."""
    insert_new(tx.conn, tls_reports, [{"day": day, "domain": domain, "sent_to": sent_to, "at": now}])


def forget(tx: Transaction, before: int) -> int:
    """Delete what was counted before this day; how many rows."""
    tx.conn.execute(delete(tls_reports).where(tls_reports.c.day < before))
    return tx.conn.execute(delete(tls_results).where(tls_results.c.day < before)).rowcount


def _counted(row: Sequence[object]) -> Counted:
    return Counted(Result(*row[:-1]), int(row[-1]))  # type: ignore[arg-type, call-overload]
