"""One round for one webhook: what is due is gathered, sent over a few lines at once, and what came of it is kept.

    due tries and the next facts of both logs > their bodies > lines, each with one request at a time > outcomes
    > one transaction: deliveries, positions in the logs, how the address behaves

A kill before that transaction sends the round again, with the same ids: at least once. A round takes up nothing new after
a few seconds, so that not much is sent again. An address that fails is tried with one event a round, after growing rests.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError
from lettershop.base.log import get_logger
from lettershop.mail.webhooks.plan import Event, Planner, reached
from lettershop.net.callout import Callouts, CannotReach, Line
from lettershop.net.reach import Target, target_of
from lettershop.store import webhook_deliveries, webhooks
from lettershop.store.database import Database, Transaction
from lettershop.store.schema_webhooks import DELIVERED, GIVEN_UP, WAITING
from lettershop.store.webhooks import Ready, Webhook
from lettershop.wire import webhook as signing

LINES = 8
TAKES = 5.0
"""Seconds after which a round takes up nothing more."""
DELAYS = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0)
"""Seconds to wait after the first, second, … try of an event; the last repeats."""
RESTS = (5.0, 15.0, 60.0, 180.0, 600.0)
"""Seconds that an address rests after the first, second, … round in which it took nothing; the last repeats."""
LONGEST_WISH = 86_400.0
"""Seconds: an address cannot ask us to wait longer."""
GONE = 410


class Round:
    """See the module. One object per process; `retry_for`: seconds that an event, and an address, is tried for."""

    def __init__(self, main: Database, mail: Database, callouts: Callouts, clock: Clock, *, retry_for: float) -> None:
        self._main = main
        self._planner = Planner(main, mail)
        self._callouts = callouts
        self._clock = clock
        self._retry_for = retry_for
        self._stopping = False
        self._log = get_logger("mail.webhooks")

    def stop(self) -> None:
        """Take up nothing more."""
        self._stopping = True

    async def go(self, ready: Ready) -> bool:
        """Do it; True if there is more to do at once."""
        plan = await self._planner.plan(ready, self._clock.now())
        tried = await self._send(ready.webhook, plan.events)
        if len(tried) < len(plan.events):  # no time was left: the rest is planned anew
            plan.positions, plan.more = reached(plan, tried), True
        if tried or plan.positions:
            await self._main.write(partial(self._keep, ready.webhook, tried, plan.positions))
        return plan.more and (not tried or any(event.taken for event in tried))

    # -- on the way -------------------------------------------------------------------------------------------------

    async def _send(self, hook: Webhook, events: Sequence[Event]) -> list[Event]:
        """Send as many as there is time for; those that were tried, the first ones of all."""
        if not events:
            return []
        target, waiting, tried = target_of(hook.url), deque(events), []
        until = self._clock.monotonic() + TAKES

        async def work() -> None:
            line: Line | None = None
            try:
                while waiting and not self._stopping and self._clock.monotonic() < until:
                    event = waiting.popleft()
                    tried.append(event)
                    line = await self._try(hook, target, event, line)
            finally:
                if line is not None:
                    line.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(LINES, len(events))):
                group.create_task(work())
        return tried

    async def _try(self, hook: Webhook, target: Target, event: Event, line: Line | None) -> Line | None:
        """One request; the line, if it can be used again."""
        event.tried_at, began = self._clock.now(), self._clock.monotonic()
        if event.body is None:
            event.failure = "What happened is no longer known: it was erased."
            return line
        try:
            if line is None or line.closed:
                line = await self._callouts.open(target)
            headers = signing.headers(hook.secrets(event.tried_at), event.event_id, event.tried_at, event.body)
            event.answer = await line.post(headers, event.body)
        except CannotReach as error:
            event.failure, line = error.public, None
        except LettershopError as error:
            event.failure, line = error.for_people(), None
        except Exception:  # one event must not keep all others for ever
            self._log.exception("an event could not be sent", webhook=hook.id, webhook_event=event.event_id)
            event.failure, line = "It could not be sent; the log of the server says why.", None
        event.seconds = self._clock.monotonic() - began
        return line

    # -- afterwards -------------------------------------------------------------------------------------------------

    def _keep(
        self, hook: Webhook, tried: Sequence[Event], positions: Sequence[tuple[str, int, int]], tx: Transaction
    ) -> None:
        now = self._clock.now()
        values = behaviour(hook, tried, now)
        if not webhooks.told(tx, hook.id, values, positions):
            return  # removed, or somebody else did the same
        webhook_deliveries.record(tx, [self._row(hook, event) for event in tried])
        if hook.failures and values.get("failures") == 0:
            webhook_deliveries.all_due(tx, hook.id, now)
        if any(event.answer is not None and event.answer.status == GONE for event in tried):
            webhooks.disable(tx, hook, target_of(hook.url).host, "It answered 410: gone for good.", now)

    def _row(self, hook: Webhook, event: Event) -> dict[str, Any]:
        """The delivery after a try."""
        attempts = event.attempts + 1
        due = event.tried_at + DELAYS[min(attempts, len(DELAYS)) - 1]
        over = event.body is None or due > event.created_at + self._retry_for
        return {
            "webhook_id": hook.id, "event_id": event.event_id, "log": event.log, "fact_id": event.fact_id,
            "kind": event.kind, "happened_at": event.happened_at, "attempts": attempts, "created_at": event.created_at,
            "state": DELIVERED if event.taken else GIVEN_UP if over else WAITING, "due_at": due,
            "tried_at": event.tried_at, "status": event.answer.status if event.answer else None,
            "answer": event.words[:1000], "seconds": event.seconds,
        }  # fmt: skip


def behaviour(hook: Webhook, tried: Sequence[Event], now: float) -> dict[str, Any]:
    """What a round says of the address: it works, or it fails and rests. One that answers 4xx to an event is there."""
    sent = [event for event in tried if event.body is not None]
    if not sent:
        return {"failures": hook.failures}
    if any(event.taken for event in sent):
        wish = _wish(sent)
        return {"failures": 0, "failing_since": None, "rests_until": now + wish if wish else 0.0, "delivered_at": now}
    since = hook.failing_since if hook.failing_since is not None else sent[0].tried_at
    if all(event.answer is not None and _refuses(event.answer.status) for event in sent):
        return {"failures": 0, "failing_since": since, "rests_until": 0.0}
    rest = max(RESTS[min(hook.failures, len(RESTS) - 1)], _wish(sent))
    return {"failures": hook.failures + 1, "failing_since": since, "rests_until": now + rest}


def _refuses(status: int) -> bool:
    """This event it does not want; another perhaps."""
    return 400 <= status < 500 and status not in (408, 425, 429)


def _wish(events: Iterable[Event]) -> float:
    """Seconds that the address asks us to wait (RFC 9110 10.2.3)."""
    wishes = [one.answer.retry_after or 0.0 for one in events if one.answer is not None and not one.taken]
    return min(LONGEST_WISH, max(wishes, default=0.0))
