"""The room that warm-up leaves today, as one process uses it.

    leased recipes > by (address, sending domain, provider) > room asked of the store once a batch > go, or wait for a day

Room is handed out in blocks, in the transaction of `store.warmups`, so that all processes together keep to the day's
limit; what a lease did not use after all (parked, given back) is used by the next one, and at a stop it goes back. An
envelope that was tried before has had its room. Stored messages never ask: nobody waits for a password reset until tomorrow.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from lettershop.egress.gate import Parked
from lettershop.egress.message import Leased
from lettershop.egress.warmup import DAY, Plan, Stage, day_of, decide, room
from lettershop.store import warmups
from lettershop.store.database import Database
from lettershop.store.envelopes import Lane
from lettershop.store.warmups import Key

LONGEST = 30
"""Days ahead at most for which something is parked."""


class Rooms:
    """One per engine. `provider_of` says which provider takes the mail of a recipient domain."""

    def __init__(
        self, db: Database, plan: Plan, source: str, *, workers: int = 1, provider_of: Callable[[str], str] = str
    ) -> None:
        self._db = db
        self._plan = plan
        self._source = source
        self._workers = workers
        self._provider_of = provider_of
        self._senders: dict[int, str] = {}
        self._free: Counter[Key] = Counter()
        self._stages: dict[Key, Stage] = {}
        self._promised: Counter[tuple[Key, int]] = Counter()  # parked for a day, by this process

    @property
    def active(self) -> bool:
        """Whether anything is warmed up."""
        return self._plan.active

    async def sift(self, lane: Lane, leased: Sequence[Leased], now: float) -> tuple[list[Leased], list[Parked]]:
        """Those that have room today, and those that wait for another day."""
        domain = await self._sender(lane.campaign_id) if lane.campaign_id else ""
        if not domain or not self._plan.covers(self._source, domain):
            return list(leased), []
        wanted = Counter(key for one in leased if (key := self._key(domain, one)))
        sites: dict[Key, set[str]] = {}
        for one in leased:
            if (key := self._key(domain, one)) is not None:
                sites.setdefault(key, set()).add(one.site)
        await self._ask(wanted, sites, now)
        go: list[Leased] = []
        parked: list[Parked] = []
        for one in leased:
            key = self._key(domain, one)
            if key is None or self._take(key):
                go.append(one)
            else:
                parked.append(self._later(key, one, now))
        return go, parked

    def refund(self, unused: Iterable[Leased]) -> None:
        """These did not go after all."""
        for one in unused:
            domain = self._senders.get(one.campaign_id or 0, "")
            key = self._key(domain, one) if domain and self._plan.covers(self._source, domain) else None
            if key is not None and not self._stages[key].ended:
                self._free[key] += 1

    async def give_back(self) -> None:
        """At a stop: what was handed out to this process and not used."""
        unused = {key: (self._stages[key].day, count) for key, count in self._free.items() if count}
        self._free.clear()
        if unused:
            await self._db.write(warmups.take_back, unused)

    async def _sender(self, campaign_id: int) -> str:
        if campaign_id not in self._senders:
            found = await self._db.read(warmups.senders, [campaign_id])
            self._senders[campaign_id] = found[campaign_id][0] if campaign_id in found else ""
        return self._senders[campaign_id]

    def _key(self, domain: str, one: Leased) -> Key | None:
        return None if one.attempts else (self._source, domain, self._provider_of(one.site))

    async def _ask(self, wanted: Counter[Key], sites: dict[Key, set[str]], now: float) -> None:
        """Get room for what there is none for yet; what is left of yesterday counts no more."""
        today = day_of(now)
        for key, stage in self._stages.items():
            if stage.day != today and not stage.ended:
                self._free.pop(key, None)
        missing = {key: count - self._free[key] for key, count in wanted.items() if self._wants(key, count, today)}
        if not missing:
            return
        deciding = partial(decide, self._plan, today=today)
        asked = {key: sites[key] for key in missing}
        found = await self._db.write(warmups.hand_out, missing, deciding, now, today, asked)
        for key, (row, got) in found.items():
            self._stages[key] = Stage(row.step, row.day, row.handed_out, row.ended, row.why)
            self._free[key] += got

    def _wants(self, key: Key, count: int, today: int) -> bool:
        """Whether asking is worth it: there is too little here, and the day is not known to be full."""
        stage = self._stages.get(key)
        if stage is None or stage.day != today:
            return stage is None or not stage.ended
        return not stage.ended and count > self._free[key]

    def _take(self, key: Key) -> bool:
        if self._stages[key].ended:
            return True
        if self._free[key] <= 0:
            return False
        self._free[key] -= 1
        return True

    def _later(self, key: Key, one: Leased, now: float) -> Parked:
        """The first day whose room is not promised yet, in the order in which they came."""
        stage, provider = self._stages[key], key[2]
        for ahead in range(1, LONGEST):
            most = room(stage, self._plan, provider, ahead=ahead)
            promised = self._promised[key, stage.day + ahead]
            if most is None or promised * self._workers < most:
                break
        day = stage.day + ahead
        self._promised[key, day] += 1
        most = room(stage, self._plan, provider)
        why = f"Warm-up: {provider} gets {most:,} messages a day from {key[1]} now; today's are sent."
        return Parked(one, day * DAY + promised * 1e-3, why)
