"""Asks the sources for many connections at once.

A connection says how long it can do without: none if it has nothing to send, else a part of the time that its prepared
messages last. Whoever has to go first takes along all that wait. So a read of the store serves as many messages as there
is load for, and a lone message goes at once.
"""

import asyncio
from collections.abc import Sequence

from lettershop.egress.message import Leased, MessageSource, Recipe, Withhold

MOST = 300
"""Envelopes in one question."""
FRESH = 1.0
"""Seconds after which an answer that was said beforehand is asked for again: a person may have left meanwhile."""
MOST_KNOWN = 200
LONGEST = 0.2
"""Seconds that a question waits for others at most."""

Prepared = Sequence[tuple[Leased, Recipe | Withhold]]


class Preparer:
    """One per engine. Without a source for campaigns, their envelopes go back to the queue."""

    def __init__(self, campaigns: MessageSource | None, stored: MessageSource) -> None:
        self._campaigns = campaigns
        self._stored = stored
        self._waiting: list[tuple[Sequence[Leased], asyncio.Future[Prepared]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._begins_at = 0.0  # uvloop's handles of very short times do not tell
        self._task: asyncio.Task[None] | None = None
        self._known: dict[int, tuple[float, Recipe | Withhold]] = {}  # answers that came with their envelopes, and when

    def know(self, answers: Prepared, now: float) -> None:
        """What the source would answer now, said beforehand; good for `FRESH` seconds of the monotonic clock."""
        self._known = {key: entry for key, entry in self._known.items() if entry[0] > now - FRESH}
        if len(self._known) < MOST_KNOWN:
            self._known.update((one.envelope_id, (now, answer)) for one, answer in answers)

    def answered(self, leased: Sequence[Leased], now: float) -> Prepared | None:
        """The answers to all of these, if they were said beforehand and are fresh."""
        if not self._known:
            return None
        found = [self._known.pop(one.envelope_id, None) for one in leased]
        fresh = [entry[1] for entry in found if entry is not None and entry[0] > now - FRESH]
        return list(zip(leased, fresh, strict=True)) if len(fresh) == len(leased) else None

    async def ask(self, leased: Sequence[Leased], *, patience: float) -> Prepared:
        """An answer for each; `patience` in seconds. Raises what the source raised."""
        if not leased:
            return []
        future: asyncio.Future[Prepared] = asyncio.get_running_loop().create_future()
        self._waiting.append((leased, future))
        if self._task is None:
            full = sum(len(part) for part, _ in self._waiting) >= MOST
            self._begin_in(0.0 if full else min(patience, LONGEST))
        return await future

    def _begin_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if self._timer is not None:
            if self._begins_at <= at:
                return
            self._timer.cancel()
            self._timer = None
        if seconds > 0:
            self._timer, self._begins_at = loop.call_later(seconds, self._begin), at
        else:
            self._begin()

    def _begin(self) -> None:
        self._timer = None
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._together(self._next())
        finally:
            self._task = None

    def _next(self) -> list[tuple[Sequence[Leased], asyncio.Future[Prepared]]]:
        taken = count = 0
        for leased, _ in self._waiting:
            if taken and count + len(leased) > MOST:
                break
            taken, count = taken + 1, count + len(leased)
        group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return group

    async def _together(self, group: list[tuple[Sequence[Leased], asyncio.Future[Prepared]]]) -> None:
        try:
            answers = {
                one.envelope_id: answer
                for one, answer in await self._answers([one for part, _ in group for one in part])
            }
        except Exception as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for leased, future in group:
            if not future.done():
                future.set_result([(one, answers[one.envelope_id]) for one in leased])

    async def _answers(self, leased: Sequence[Leased]) -> list[tuple[Leased, Recipe | Withhold]]:
        recipes = [one for one in leased if one.campaign_id is not None]
        stored = [one for one in leased if one.campaign_id is None]
        answers: list[tuple[Leased, Recipe | Withhold]] = []
        if recipes and self._campaigns is None:
            answers += [(one, Withhold(one.envelope_id, "no-marketing", again=True)) for one in recipes]
        elif recipes and self._campaigns is not None:
            answers += zip(recipes, await self._campaigns.prepare(recipes), strict=True)
        if stored:
            answers += zip(stored, await self._stored.prepare(stored), strict=True)
        return answers
