"""What is held on a person, and its erasure (GDPR 15, 17, 20): the statements. `marketing.privacy` runs them in their order.

Erasing deletes the contact with lists and consents, takes the address out of envelopes and facts, and leaves the figures
of campaigns as they are: they then count nobody in particular. What stays of the person is a keyed hash (`store.erasures`).

Facts that know no contact (single messages, incoming mail) are found by what they say: `naming`, a piece of the log at a time.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, Text, cast, delete, func, or_, select, update

from lettershop.base.facts import ContactChanged
from lettershop.store import erasures
from lettershop.store.columnar import mark_deleted
from lettershop.store.database import Transaction
from lettershop.store.factlog import Log
from lettershop.store.schema_analytics import hits
from lettershop.store.schema_api import idempotency, sent_messages
from lettershop.store.schema_delivery import (
    LEASED,
    QUEUED,
    WITHHELD,
    bounce_samples,
    breakers,
    dialogues,
    dsn_wishes,
    envelopes,
    outgoing,
    site_states,
    suppressions,
)
from lettershop.store.schema_inbox import conversation_messages, conversations
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import (
    consents,
    contacts,
    engagements,
    facts,
    import_changes,
    imports,
    link_engagements,
    opt_ins,
    subscriptions,
)
from lettershop.store.schema_people import preferences
from lettershop.store.schema_webhooks import webhook_deliveries

NAMES = ("address", "sender", "recipient", "reporter")
"""Fields of facts that are addresses."""

ADDRESSED = (*NAMES, "ip", "user_agent", "headers", "text", "subject", "diagnostic", "answer")
"""Fields of facts that tell who somebody is, or how they can be known again."""

NAMING = (
    "Bounced", "Deferred", "DelayTold", "MessageReceived", "BounceReported", "Complained", "Replied", "AutoReplied",
    "SiteSuspended", "SiteResumed", "BreakerTripped",
)  # fmt: skip
"""Kinds of facts that may name somebody without knowing the contact."""

SPAN = 50_000
"""Rows of a log that are looked through at once."""

TEXTS: tuple[tuple[Table, str], ...] = (
    (bounce_samples, "example"), (site_states, "why"), (breakers, "words"), (webhook_deliveries, "answer"),
    (imports, "error"), (dialogues, "text"),
)  # fmt: skip
"""What receivers and others have said, in which they like to repeat an address."""

ERASED = "(erased)"
_LOGS = {"facts": facts, "mail_facts": mail_facts}


@dataclass(frozen=True, slots=True)
class Gone:
    """What an erasure took: the contacts' ids, and the keys of message bytes that nobody needs any more."""

    contacts: list[int]
    blobs: list[str]


# -- told --------------------------------------------------------------------------------------------------------------


def collect(conn: Connection, workspace_id: int, forms: Sequence[str]) -> dict[str, Any]:
    """Everything about an address in a workspace, by table; empty lists where there is nothing.

    `forms`: the ways to write the address, in lower case; the first is its key.
    """
    contact, email_key = contacts.c, forms[0]
    people = _rows(conn, select(contacts).where(contact.workspace_id == workspace_id, contact.email_key == email_key))
    ids = [row["id"] for row in people]
    mine = select(envelopes.c.id).where(envelopes.c.contact_id.in_(ids))
    single = _single(workspace_id, forms)
    e, s, m = envelopes.c, suppressions.c, sent_messages.c
    about = select(
        e.id, m.message_id, m.subject, m.sender, m.tags, m.send_at, e.address, e.state, e.finished_at, e.answer
    )
    return {
        "contacts": people,
        "subscriptions": _rows(conn, select(subscriptions).where(subscriptions.c.contact_id.in_(ids))),
        "consents": _rows(conn, select(consents).where(consents.c.contact_id.in_(ids)).order_by(consents.c.id)),
        "opt_ins": _rows(conn, _but(opt_ins, "key_hash").where(opt_ins.c.contact_id.in_(ids)).order_by(opt_ins.c.id)),
        "suppressions": _rows(
            conn, select(suppressions).where(s.workspace_id == workspace_id, s.email_key == email_key)
        ),
        "conversations": _rows(
            conn, select(conversation_messages).join(conversations).where(conversations.c.contact_id.in_(ids))
        ),
        "messages": _rows(conn, select(envelopes).where(e.contact_id.in_(ids)).order_by(e.id)),
        "single_messages": _rows(
            conn, about.join(sent_messages, m.outgoing_id == e.outgoing_id, isouter=True).where(*single).order_by(e.id)
        ),
        "dialogues": _rows(conn, select(dialogues).where(dialogues.c.envelope_id.in_(mine))),
        "engagement": _rows(conn, select(engagements).where(engagements.c.envelope_id.in_(mine))),
        "links": _rows(conn, select(link_engagements).where(link_engagements.c.envelope_id.in_(mine))),
        "preferences": _rows(conn, select(preferences).where(preferences.c.contact_id.in_(ids))),
        "verdicts": _rows(conn, select(hits).where(hits.c.envelope_id.in_(mine)).order_by(hits.c.fact_id)),
        "events": _rows(conn, select(facts).where(facts.c.contact_id.in_(ids)).order_by(facts.c.id)),
    }  # fmt: skip


def _rows(conn: Connection, query: Any) -> list[dict[str, Any]]:
    """Names of columns as plain text: they are a kind of their own, which no writer of JSON knows."""
    return [{str(name): value for name, value in row.items()} for row in conn.execute(query).mappings()]


def _but(table: Table, *names: str) -> Any:
    return select(*[column for column in table.c if column.name not in names])


def _single(workspace_id: int, forms: Sequence[str]) -> tuple[Any, ...]:
    """The envelopes of single messages to this address."""
    e = envelopes.c
    site = forms[0].rpartition("@")[2]
    return (
        e.workspace_id == workspace_id, e.outgoing_id.is_not(None), e.site == site,
        func.lower(e.address).in_(forms),
    )  # fmt: skip


# -- facts that name somebody ------------------------------------------------------------------------------------------


def last(conn: Connection, log: Log) -> int:
    """The id of the log's last row."""
    return conn.scalar(select(func.max(_LOGS[log].c.id))) or 0


def naming(
    conn: Connection, log: Log, workspace_id: int, after: int, forms: Sequence[str]
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of the next piece of a log that name this address and belong to the workspace or to nobody."""
    f = _LOGS[log].c
    said = func.lower(cast(f.data, Text))
    words = [said.contains(form, autoescape=True) for form in forms]
    query = select(_LOGS[log]).where(f.id > after, f.id <= after + SPAN, f.kind.in_(NAMING))
    mine = query.where((f.workspace_id == workspace_id) | f.workspace_id.is_(None)).order_by(f.id)
    pattern = _pattern(forms)
    return [row for row in _rows(conn, mine.where(or_(*words))) if _says(row["data"], pattern)]


def _says(data: Mapping[str, Any], pattern: re.Pattern[str]) -> bool:
    return any(isinstance(value, str) and pattern.search(value) for value in data.values())


def scrub(tx: Transaction, log: Log, rows: Iterable[Mapping[str, Any]], forms: Sequence[str]) -> None:
    """Take out of these facts who somebody is."""
    f = _LOGS[log].c
    for row in rows:
        data = anonymous(row["data"], forms)
        if data != row["data"]:
            tx.conn.execute(update(_LOGS[log]).where(f.id == row["id"]).values(data=data))


def anonymous(data: Mapping[str, Any], forms: Sequence[str]) -> dict[str, Any]:
    """The fields of a fact without those that tell who somebody is, and without the address in the others."""
    return {
        name: "" if name in ADDRESSED and value else unsaid(value, forms) if isinstance(value, str) else value
        for name, value in data.items()
    }


def unsaid(said: str, forms: Sequence[str]) -> str:
    """A text without the address."""
    return _pattern(forms).sub(ERASED, said) if forms else said


def _pattern(forms: Sequence[str]) -> re.Pattern[str]:
    """The address, not as a part of a longer one."""
    either = "|".join(re.escape(form) for form in forms)
    return re.compile(rf"(?<![\w.!#$%&'*+/=?^`{{|}}~-])(?:{either})(?![\w-]|\.\w)", re.IGNORECASE)


# -- erased ------------------------------------------------------------------------------------------------------------


def erase(tx: Transaction, workspace_id: int, forms: Sequence[str], key: bytes, at: float) -> Gone:
    """Erase a person. The hash is kept in any case: an import must not bring them back."""
    contact, email_key = contacts.c, forms[0]
    ids = list(
        tx.conn.scalars(select(contact.id).where(contact.workspace_id == workspace_id, contact.email_key == email_key))
    )
    erasures.remember(tx, workspace_id, email_key, key, at)
    _forget_campaign_mail(tx, ids)
    blobs = _forget_single(tx, workspace_id, forms, at)
    for contact_id in ids:
        of_them = select(facts.c.id, facts.c.data).where(facts.c.contact_id == contact_id)
        scrub(tx, "facts", _rows(tx.conn, of_them), forms)
        tx.fact(ContactChanged(at=at, workspace_id=workspace_id, contact_id=contact_id, what="erased"))
    mine = select(envelopes.c.id).where(envelopes.c.contact_id.in_(ids))
    tx.conn.execute(delete(link_engagements).where(link_engagements.c.envelope_id.in_(mine)))
    tx.conn.execute(update(engagements).where(engagements.c.envelope_id.in_(mine)).values(contact_id=None))
    tx.conn.execute(delete(import_changes).where(import_changes.c.contact_id.in_(ids)))
    tx.conn.execute(delete(contacts).where(contact.id.in_(ids)))
    mark_deleted(tx, workspace_id, ids)
    return Gone(ids, blobs)


def _forget_campaign_mail(tx: Transaction, ids: Sequence[int]) -> None:
    """What waits is given up by the source: there is nobody to write to."""
    e = envelopes.c
    mine = select(e.id).where(e.contact_id.in_(ids))
    tx.conn.execute(delete(dialogues).where(dialogues.c.envelope_id.in_(mine)))
    tx.conn.execute(update(envelopes).where(e.contact_id.in_(ids)).values(address=None, answer=None))


def _forget_single(tx: Transaction, workspace_id: int, forms: Sequence[str], at: float) -> list[str]:
    """The address in single messages; the bytes of those that wait for nobody else are given back to be deleted."""
    e, o = envelopes.c, outgoing.c
    found = tx.conn.execute(select(e.id, e.outgoing_id, e.state).where(*_single(workspace_id, forms))).all()
    ids, messages = [row.id for row in found], {row.outgoing_id for row in found}
    waiting = [row.id for row in found if row.state == QUEUED]
    tx.conn.execute(update(envelopes).where(e.id.in_(waiting)).values(state=WITHHELD, finished_at=at))
    tx.conn.execute(update(envelopes).where(e.id.in_(ids)).values(address="erased@invalid", answer=None))
    for table in (dialogues, dsn_wishes):
        tx.conn.execute(delete(table).where(table.c.envelope_id.in_(ids)))
    scrub(tx, "facts", _rows(tx.conn, select(facts.c.id, facts.c.data).where(facts.c.envelope_id.in_(ids))), forms)
    needed = set(tx.conn.scalars(select(e.outgoing_id).where(e.outgoing_id.in_(messages), e.state <= LEASED)))
    over = messages - needed
    blobs = [blob for blob in tx.conn.scalars(select(o.blob).where(o.id.in_(over))) if blob]
    tx.conn.execute(update(outgoing).where(o.id.in_(over)).values(blob=""))
    tx.conn.execute(update(sent_messages).where(sent_messages.c.outgoing_id.in_(messages)).values(subject=""))
    return blobs


def still_said(conn: Connection, table: Table, name: str, forms: Sequence[str]) -> list[dict[str, Any]]:
    """Rows whose text repeats the address: their keys and the text."""
    column = table.c[name]
    holds = or_(*[func.lower(column).contains(form, autoescape=True) for form in forms])
    return _rows(conn, select(*table.primary_key.columns, column.label("said")).where(holds))


def unsay(tx: Transaction, table: Table, name: str, rows: Iterable[Mapping[str, Any]], forms: Sequence[str]) -> None:
    """Take the address out of these texts."""
    for row in rows:
        mine = [column == row[column.name] for column in table.primary_key.columns]
        tx.conn.execute(update(table).where(*mine).values({name: unsaid(row["said"], forms)}))


def answers_naming(conn: Connection, forms: Sequence[str]) -> list[tuple[str, str]]:
    """Answers kept for requests that may be repeated (a day's) which name the address: whose, and under which name."""
    c, words = idempotency.c, [form.encode() for form in forms]
    rows = conn.execute(select(c.owner, c.name, c.body).where(c.body.is_not(None)).execution_options(yield_per=500))
    return [(row.owner, row.name) for row in rows if any(word in row.body.lower() for word in words)]


def forget_answers(tx: Transaction, keys: Iterable[tuple[str, str]]) -> None:
    """Forget these answers."""
    for owner, name in keys:
        tx.conn.execute(delete(idempotency).where(idempotency.c.owner == owner, idempotency.c.name == name))


def refused_files(conn: Connection, workspace_id: int) -> list[str]:
    """The files of rows that imports refused, of imports that write no more."""
    c = imports.c
    over = c.state.in_(("done", "failed", "undone"))
    query = select(c.rejected_file).where(c.workspace_id == workspace_id, c.rejected_file != "", over)
    return list(conn.scalars(query))
