"""The forecast of a campaign, before and while it is sent: gathers what `egress.forecast` goes by.

Before the start the audience is counted by receiving domain, and how fast each of them is comes from whatever was sent
there lately. Our own speed is measured: signatures of the sending domain's keys, made on the spot.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound
from lettershop.egress.breakers import STOP
from lettershop.egress.forecast import Backlog, Bound, Forecast, Known, Taken, forecast
from lettershop.egress.warmup import Day as Brought
from lettershop.egress.warmup import Plan, Stage, advance, day_of, left, room
from lettershop.marketing import audience
from lettershop.marketing.send import Keyring
from lettershop.store import breakers, campaigns, forecasts, warmups
from lettershop.store.campaigns import Campaign
from lettershop.store.database import Database

SIGNATURES = 20
"""Made to learn how fast they are."""
EFFICIENCY = 0.75
"""Share of the processor that goes into signatures while a campaign is sent (make bench)."""
SITES = 20
"""Sites that are told one by one; they hold nearly all of a list."""
OTHERS = "all other sites"
DAYS_AHEAD = 60
PAUSED = "It is paused; somebody has to resume it."
KEPT = 100
REMEMBER = 10.0
"""Seconds that a forecast is shown: pages ask every two."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the database says."""

    domain: str
    known: Known


class Forecasts:
    """One per process. `sources` are our egress addresses, `cores` how many processes sign."""

    def __init__(
        self, main: Database, keyring: Keyring, clock: Clock, plan: Plan, *, sources: Sequence[str], cores: int
    ) -> None:
        self._main = main
        self._keyring = keyring
        self._clock = clock
        self._plan = plan
        self._sources = tuple(sources) or ("",)
        self._cores = cores
        self._own: dict[str, float] = {}
        self._told: dict[int, Forecast] = {}

    async def of(self, campaign_id: int) -> Forecast:
        """The forecast as of now; raises NotFound."""
        now = self._clock.now()
        before = self._told.get(campaign_id)
        if before is not None and now - before.at < REMEMBER:
            return before
        gathered = await self._main.read(_gather, campaign_id, self._plan, self._sources, now)
        own = await self._speed(gathered.domain) if gathered.known.backlogs else None
        if len(self._told) > KEPT:
            self._told.clear()
        self._told[campaign_id] = forecast(replace(gathered.known, own=own))
        return self._told[campaign_id]

    async def _speed(self, domain: str) -> float | None:
        """Messages a second that all cores sign, measured once; None without a key."""
        if domain not in self._own:
            signers = await self._keyring.signers(domain)
            if not signers:
                return None
            begun = self._clock.monotonic()
            for _ in range(SIGNATURES):
                for signer in signers:
                    signer.sign(b"from:a@b.example\r\n", b"=" * 44, ("from",), begun)
            passed = max(self._clock.monotonic() - begun, 1e-6)
            self._own[domain] = EFFICIENCY * self._cores * SIGNATURES / passed
        return self._own[domain]


def _gather(conn: Connection, campaign_id: int, plan: Plan, sources: Sequence[str], now: float) -> Gathered:
    campaign = campaigns.by_id(conn, campaign_id)
    if campaign is None:
        raise NotFound(f"There is no campaign {campaign_id}.", code="campaign")
    domain = warmups.senders(conn, [campaign_id]).get(campaign_id, ("", False))[0]
    backlogs = _backlogs(conn, campaign, now)
    sites = [backlog.site for backlog in backlogs]
    rooms = _rooms(conn, plan, sources, domain, sites, day_of(now))
    bounds, whole = _bounds(conn, campaign)
    return Gathered(domain, Known(now, backlogs, _taken(conn, sites, now), bounds, rooms, whole=whole))


def _backlogs(conn: Connection, campaign: Campaign, now: float) -> list[Backlog]:
    """What is in the queue, or who would be; the many small sites as one."""
    if campaign.started_at is None:
        where = audience.condition(conn, audience.resolve(conn, campaign.workspace_id, campaign.tree), now)
        counted = campaigns.audience_sites(conn, campaign.workspace_id, campaign.list_id, where, now)
        found = [Backlog(site, count) for site, count in counted]
    else:
        found = [
            Backlog(one.site, one.untried, one.deferred, one.last_due, one.ahead)
            for one in forecasts.waiting(conn, campaign.id, now)
        ]
    return [*found[:SITES], *_together(found[SITES:])]


def _together(small: Sequence[Backlog]) -> list[Backlog]:
    if not small:
        return []
    return [
        Backlog(
            OTHERS, sum(one.untried for one in small), sum(one.deferred for one in small),
            max(one.last_due for one in small), sum(one.ahead for one in small),
        )
    ]  # fmt: skip


def _taken(conn: Connection, sites: Collection[str], now: float) -> dict[str, Taken]:
    """What each of the sites took lately; the small ones together."""
    found: dict[str, Taken] = {}
    for told in forecasts.answers(conn, now).values():
        name = told.site if told.site in sites else OTHERS
        before = found.get(name, Taken(0, 0, 1.0))
        span = max(before.seconds, told.last - told.first)
        found[name] = Taken(before.answered + told.answered, before.deferred + told.deferred, span)
    return found


def _bounds(conn: Connection, campaign: Campaign) -> tuple[dict[str, list[Bound]], list[Bound]]:
    """Breakers and pauses: of single sites, and of the whole."""
    bounds: dict[str, list[Bound]] = {}
    whole = [Bound("paused", PAUSED, endless=True)] if campaign.state == "paused" else []
    if campaign.hourly:
        whole.append(Bound("throttle", f"At most {campaign.hourly} an hour, as you set it.", campaign.hourly / 3600))
    if campaign.local_zone and campaign.started_at is not None:
        last = forecasts.last_due(conn, campaign.id)
        whole.append(Bound("local time", "everybody gets it at their own time of day.", not_before=last))
    for breaker in breakers.closed_of(conn, campaign.id):
        bound = Bound("breaker", breaker.words, breaker.per_second, endless=breaker.level == STOP)
        if breaker.provider:
            bounds.setdefault(breaker.provider, []).append(bound)
        else:
            whole.append(bound)
    return bounds, whole


def _rooms(
    conn: Connection, plan: Plan, sources: Sequence[str], domain: str, sites: Sequence[str], today: int
) -> dict[str, list[int | None]]:
    """Warm-up's room by site: what is left today, then day after day if all goes well."""
    if not any(plan.covers(source, domain) for source in sources):
        return {}
    rows = warmups.stages(conn)
    providers = warmups.providers(conn, domain)
    found: dict[str, list[int | None]] = {}
    for site in sites:
        provider = providers.get(site, site)
        row = rows.get((sources[0], domain, provider))
        stage = Stage(day=today)
        if row is not None:
            brought = warmups.last_days(conn, {(sources[0], domain, provider): row.day})
            before = Stage(row.step, row.day, row.handed_out, row.ended, row.why)
            stage = advance(before, Brought(*next(iter(brought.values()))), today, plan, provider)
        days = [room(stage, plan, provider, ahead=ahead) for ahead in range(1, DAYS_AHEAD)]
        found[site] = [left(stage, plan, provider), *days]
    return found
