"""Brings events to all webhooks, in one process at a time (`workers.singleton`): a round for each that has something.

Rounds run beside each other, so a slow address delays only itself. A step looks who is ready, starts rounds, and comes
back soon whatever they do: the lease of this process is renewed between steps.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.log import get_logger
from lettershop.mail.webhooks.plan import PIECE, Planner
from lettershop.mail.webhooks.round import Round
from lettershop.net.callout import Callouts
from lettershop.net.reach import target_of
from lettershop.store import factlog, webhook_deliveries, webhooks
from lettershop.store.database import Database
from lettershop.store.webhook_deliveries import Replay
from lettershop.store.webhooks import Ready, Webhook

LOOK = 0.25
"""Seconds that a step waits for the rounds under way."""
LAST = 3.0
"""Seconds that rounds get at the end."""
SELDOM = 1.0
"""Seconds between two looks while nobody is to be told anything."""
PURGE = 600.0
"""Seconds between two looks for deliveries that are too old."""
AHEAD = 1000
"""Events that may wait at a webhook before more of a range is queued."""
PAUSE = 5.0
"""Seconds that a webhook rests here after a round that met trouble of our own."""


class Courier:
    """See the module. `keep`: seconds that finished deliveries are kept."""

    def __init__(
        self, main: Database, mail: Database, callouts: Callouts, clock: Clock, *, retry_for: float, keep: float
    ) -> None:
        self._main = main
        self._mail = mail
        self._clock = clock
        self._round = Round(main, mail, callouts, clock, retry_for=retry_for)
        self._planner = Planner(main, mail)
        self._retry_for = retry_for
        self._keep = keep
        self._under_way: dict[int, asyncio.Task[bool]] = {}
        self._paused: dict[int, float] = {}
        self._purged = 0.0
        self._nobody_until = 0.0
        self._log = get_logger("mail.webhooks")

    async def step(self) -> bool:
        """Start what is to be started; True if there is more to do at once."""
        if self._clock.monotonic() < self._nobody_until:
            return False
        look = await self._main.read(_look, self._clock.now())
        more = await self._replay(look.replays) or await self._purge()
        if look.ready:
            newest = (look.newest, await self._mail.read(factlog.newest, "mail_facts"))
            for one in look.ready:
                if not await self._turn_off(one.webhook):
                    self._start(one, newest)
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
            more = self._gather() or more
        elif not look.ready and not more:
            self._nobody_until = self._clock.monotonic() + SELDOM
        return more

    async def close(self) -> None:
        """End: rounds take up nothing more and note what they sent. Those that take too long are cut off, and sent again."""
        self._round.stop()
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=LAST)
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        self._under_way.clear()

    def _start(self, ready: Ready, newest: tuple[int, int]) -> None:
        hook = ready.webhook
        behind = hook.facts_position < newest[0] or hook.mail_facts_position < newest[1]
        if hook.id in self._under_way or not (ready.due or behind):
            return
        if self._clock.monotonic() >= self._paused.get(hook.id, 0.0):
            self._under_way[hook.id] = asyncio.create_task(self._round.go(ready))

    async def _turn_off(self, hook: Webhook) -> bool:
        """Whether this address has taken nothing for so long that it is asked no more."""
        now = self._clock.now()
        if hook.failing_since is None or now - hook.failing_since < self._retry_for or hook.id in self._under_way:
            return False
        why = f"It has taken nothing for {_days(now - hook.failing_since)}."
        await self._main.write(webhooks.disable, hook, target_of(hook.url).host, why, now)
        self._log.warning("a webhook is turned off", webhook=hook.id, why=why)
        return True

    def _gather(self) -> bool:
        """Take note of the rounds that are over."""
        more = False
        for webhook_id, task in list(self._under_way.items()):
            if not task.done():
                continue
            del self._under_way[webhook_id]
            error = task.exception()
            if error is None:
                more = task.result() or more
            else:
                self._log.error("a round of a webhook failed", webhook=webhook_id, exc_info=error)
                self._paused[webhook_id] = self._clock.monotonic() + PAUSE
        return more

    async def _purge(self) -> bool:
        now = self._clock.now()
        if now < self._purged + PURGE:
            return False
        gone = await self._main.write(webhook_deliveries.purge, now - self._keep)
        if not gone:
            self._purged = now
        return bool(gone)

    async def _replay(self, found: Sequence[tuple[Replay, Ready]]) -> bool:
        """Queue the next piece of each range that is to be told again; True if there was one."""
        for replay, ready in found:
            rows, end = await self._planner.between(ready, replay.log, replay.position, PIECE)
            to = end if end > replay.position else replay.last
            again = [row for row in rows if row.id <= replay.last and replay.since <= row.at < replay.until]
            await self._main.write(webhook_deliveries.told_again, replay, again, to, self._clock.now())
        return bool(found)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a step needs to know, of one moment."""

    ready: list[Ready]
    replays: list[tuple[Replay, Ready]]
    newest: int


def _look(conn: Connection, now: float) -> _Look:
    ready = webhooks.ready(conn, now)
    return _Look(ready, _replays(conn), factlog.newest(conn, "facts")) if ready else _Look([], [], 0)


def _replays(conn: Connection) -> list[tuple[Replay, Ready]]:
    """Ranges with room for their next piece."""
    found = []
    for replay in webhook_deliveries.replays(conn):
        ready = webhooks.ready_one(conn, replay.webhook_id)
        waiting = webhook_deliveries.waiting(conn, [replay.webhook_id]).get(replay.webhook_id, 0)
        if ready is not None and waiting < AHEAD:
            found.append((replay, ready))
    return found


def _days(seconds: float) -> str:
    days = round(seconds / 86_400)
    return f"{days} days" if days > 1 else f"{max(1, round(seconds / 3600))} hours"
