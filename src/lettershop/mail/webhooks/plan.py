"""What one round for a webhook is to send: tries that are due, then the next facts of both logs, each with its body.

A fact of the main log says whose it is; one of the mail log is given its owner here, by its campaign or its mailbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from lettershop.mail.owners import owners
from lettershop.mail.webhooks import payload
from lettershop.net.callout import Answer
from lettershop.store import fact_rows, webhook_deliveries
from lettershop.store.database import Database
from lettershop.store.fact_rows import FactRow, Person
from lettershop.store.factlog import Log
from lettershop.store.webhook_deliveries import TEST, Delivery
from lettershop.store.webhooks import Ready, Webhook

LOGS: tuple[Log, ...] = ("facts", "mail_facts")
PIECE = 200
"""Events of one round."""
WINDOW = 20_000
"""Facts that are looked through for them."""


@dataclass(slots=True)
class Event:
    """One event on its way, with what came of it."""

    event_id: str
    log: str
    fact_id: int
    kind: str
    happened_at: float
    created_at: float
    attempts: int = 0
    fresh: bool = False  # from the log, not from what waits
    body: bytes | None = None  # None: its fact is gone
    answer: Answer | None = None
    failure: str = ""
    tried_at: float = 0.0
    seconds: float = 0.0

    @property
    def taken(self) -> bool:
        """A 2xx came back."""
        return self.answer is not None and 200 <= self.answer.status < 300

    @property
    def words(self) -> str:
        """What came back, or what went wrong."""
        if self.answer is None:
            return self.failure
        if 300 <= self.answer.status < 400:
            return "It points elsewhere; we do not follow."
        return self.answer.text


@dataclass(slots=True)
class Plan:
    """What a round is to send; `positions` (column, from, to) hold once all of it was tried."""

    events: list[Event] = field(default_factory=list)
    positions: list[tuple[str, int, int]] = field(default_factory=list)
    more: bool = False


class Planner:
    """One object per process."""

    def __init__(self, main: Database, mail: Database) -> None:
        self._main = main
        self._mail = mail

    async def plan(self, ready: Ready, now: float) -> Plan:
        """What there is for this webhook. An address that fails gets one event."""
        hook = ready.webhook
        room = 1 if hook.failures else PIECE
        some = (room + 1) // 2  # what nobody will ever take must not keep back what is new
        plan, old = Plan(), await self._due(hook, now, some) if ready.due else []
        plan.more = len(old) >= some
        if not hook.failures or (old and old[0].log == TEST):
            plan.events, old = old, []
        for log in LOGS:
            await self._next(ready, log, room - len(plan.events), plan, now)
        plan.events = plan.events or old  # of an address that fails, a new event tells more than one that failed before
        plan.more = plan.more or len(plan.events) >= room
        return plan

    async def _due(self, hook: Webhook, now: float, room: int) -> list[Event]:
        found = await self._main.read(webhook_deliveries.due, hook.id, now, room)
        bodies: dict[tuple[str, int], bytes] = {}
        for log in LOGS:
            database = self._main if log == "facts" else self._mail
            ids = [one.fact_id for one in found if one.log == log]
            rows = await database.read(fact_rows.by_ids, log, ids) if ids else []
            bodies |= {(log, row.id): body for row, body in await self._written(hook, log, rows)}
        return [_again(hook, one, bodies.get((one.log, one.fact_id))) for one in found]

    async def _next(self, ready: Ready, log: Log, room: int, plan: Plan, now: float) -> None:
        """The next facts of a log, into the plan."""
        if room <= 0:
            plan.more = True
            return
        hook = ready.webhook
        start = hook.facts_position if log == "facts" else hook.mail_facts_position
        rows, end = await self.between(ready, log, start, room)
        for row, body in await self._written(hook, log, rows):
            event = webhook_deliveries.event_id(log, row)
            plan.events.append(Event(event, log, row.id, row.kind, row.at, now, fresh=True, body=body))
        if end > start:
            plan.positions.append((f"{log}_position", start, end))
            plan.more = plan.more or end - start >= (WINDOW if log == "facts" else PIECE)

    async def between(self, ready: Ready, log: Log, start: int, room: int) -> tuple[list[FactRow], int]:
        """The next rows after `start` that this webhook is told, and up to where the log was looked through."""
        read = self._of_main if log == "facts" else self._of_mail
        return await read(ready, start, room)

    async def _of_main(self, ready: Ready, start: int, room: int) -> tuple[list[FactRow], int]:
        hook = ready.webhook
        return await self._main.read(
            fact_rows.of_workspace_since, start, hook.workspace_id, ownerless=ready.operator, kinds=hook.kinds,
            limit=room, window=WINDOW,
        )  # fmt: skip

    async def _of_mail(self, ready: Ready, start: int, room: int) -> tuple[list[FactRow], int]:
        rows = await self._mail.read(fact_rows.since, "mail_facts", start, PIECE)
        of = await owners(self._main, self._mail, rows)
        hook, found = ready.webhook, []
        for row in rows:
            owner = of.get(row.id)
            mine = owner == hook.workspace_id if owner is not None else ready.operator
            if mine and (not hook.kinds or row.kind in hook.kinds):
                found.append(row)
                if len(found) == room:
                    return found, row.id
        return found, rows[-1].id if rows else start

    async def _written(self, hook: Webhook, log: str, rows: Sequence[FactRow]) -> list[tuple[FactRow, bytes]]:
        if not rows:
            return []
        people = await self._main.read(_people, rows)
        return [
            (row, payload.body(webhook_deliveries.event_id(log, row), row, hook.workspace_id, people.get(row.id)))
            for row in rows
        ]


def reached(plan: Plan, tried: Sequence[Event]) -> list[tuple[str, int, int]]:
    """How far the positions go if only these, the first ones of the plan, were tried."""
    done = {id(event) for event in tried}
    found = []
    for column, start, end in plan.positions:
        left = [
            event
            for event in plan.events
            if event.fresh and f"{event.log}_position" == column and id(event) not in done
        ]
        stop = min((event.fact_id for event in left), default=end + 1) - 1
        if stop > start:
            found.append((column, start, stop))
    return found


def _again(hook: Webhook, one: Delivery, body: bytes | None) -> Event:
    if one.log == TEST:
        body = payload.test_body(one.event_id, hook.id, hook.name, one.happened_at)
    return Event(
        one.event_id, one.log, one.fact_id, one.kind, one.happened_at, one.created_at, one.attempts, body=body,
    )  # fmt: skip


def _people(conn: Connection, rows: Sequence[FactRow]) -> dict[int, Person]:
    """Whom each fact is about, by its id: by its envelope, else by its contact."""
    envelopes = fact_rows.recipients(conn, {row.envelope_id for row in rows if row.envelope_id is not None})
    alone = {row.contact_id for row in rows if row.contact_id is not None and row.envelope_id not in envelopes}
    contacts = fact_rows.contact_addresses(conn, alone) if alone else {}
    found = {
        row.id: envelopes.get(row.envelope_id or 0) or contacts.get(row.contact_id or 0)
        for row in rows
    }  # fmt: skip
    return {key: person for key, person in found.items() if person is not None}
