"""A campaign's figures by provider, device and hour; beside one's own median; and the figures of many campaigns together.

All are sums of what was counted as facts arrived (`marketing.tally`): no event is read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median

from sqlalchemy import Connection

from lettershop.base.errors import NotFound
from lettershop.store import analytics, campaigns, lists
from lettershop.store.analytics import Row
from lettershop.store.database import Database

COMPARED = 20
"""Campaigns before this one that make the median."""

UNKNOWN = "unknown"
_BY_DOMAIN = ("delivered", "bounced_hard", "bounced_soft", "waiting", "opened", "clicked", "complained")


@dataclass(frozen=True, slots=True)
class Share:
    """People who opened and clicked, by a value: a device, or an hour of the day in UTC ("0" to "23")."""

    value: str
    opened: int
    clicked: int


@dataclass(frozen=True, slots=True)
class ByProvider:
    """Who receives for how many domains, known from their MX, and what became of the mail."""

    provider: str
    domains: int
    delivered: int
    bounced_hard: int
    bounced_soft: int
    waiting: int
    opened: int
    clicked: int
    complained: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares, 0 to 1: delivered of sent, the others of delivered."""

    delivered: float = 0.0
    opened: float = 0.0
    clicked: float = 0.0
    replied: float = 0.0
    unsubscribed: float = 0.0
    complained: float = 0.0


@dataclass(frozen=True, slots=True)
class Breakdown:
    """`usual`: the median of the `compared` campaigns of the workspace that were sent before this one."""

    campaign_id: int
    devices: tuple[Share, ...]
    hours: tuple[Share, ...]
    providers: tuple[ByProvider, ...]
    rates: Rates
    usual: Rates
    compared: int


@dataclass(frozen=True, slots=True)
class Together:
    """Many campaigns: people are counted once a campaign."""

    campaigns: int
    sent: int
    delivered: int
    bounced_hard: int
    bounced_soft: int
    waiting: int
    withheld: int
    opened: int
    opened_by_machine: int
    clicked: int
    clicked_by_machine: int
    replied: int
    unsubscribed: int
    complained: int
    anonymous_opens: int
    anonymous_clicks: int
    rates: Rates


class Breakdowns:
    """What the API and the commands ask for; always within one workspace."""

    def __init__(self, main: Database) -> None:
        self._main = main

    async def of_campaign(self, workspace_id: int, campaign_id: int) -> Breakdown:
        """One campaign; raises NotFound."""
        return await self._main.read(breakdown, workspace_id, campaign_id)

    async def of_list(self, workspace_id: int, list_id: int) -> Together:
        """All campaigns to a list; raises NotFound."""
        return await self._main.read(of_list, workspace_id, list_id)

    async def of_workspace(self, workspace_id: int) -> Together:
        """All campaigns."""
        return await self._main.read(_together, workspace_id)

    async def rows(self, workspace_id: int, campaign_id: int) -> Sequence[Row]:
        """Every figure of a campaign as it was counted, for a file; raises NotFound."""
        return await self._main.read(counted, workspace_id, campaign_id)


def breakdown(conn: Connection, workspace_id: int, campaign_id: int) -> Breakdown:
    """See `Breakdown`."""
    rows = counted(conn, workspace_id, campaign_id)
    by: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for what, dimension, value, count in rows:
        by[what, dimension][value] = count
    before = analytics.totals(conn, analytics.started_before(conn, workspace_id, campaign_id, COMPARED))
    compared = [rates(total) for total in before.values() if total.get("delivered")]
    return Breakdown(
        campaign_id=campaign_id,
        devices=tuple(sorted(_shares(by, "device"), key=lambda one: (-one.opened, -one.clicked, one.value))),
        hours=tuple(sorted(_shares(by, "hour"), key=lambda one: int(one.value))),
        providers=_providers(by, analytics.providers_of(conn, campaign_id)),
        rates=rates({what: count for what, dimension, _, count in rows if not dimension}),
        usual=_median(compared), compared=len(compared),
    )  # fmt: skip


def counted(conn: Connection, workspace_id: int, campaign_id: int) -> Sequence[Row]:
    """Every counter of a campaign of this workspace; raises NotFound."""
    campaign = campaigns.by_id(conn, campaign_id)
    if campaign is None or campaign.workspace_id != workspace_id:
        raise NotFound("There is no such campaign.", code="campaign")
    return analytics.rows(conn, campaign_id)


def of_list(conn: Connection, workspace_id: int, list_id: int) -> Together:
    """All campaigns to a list; raises NotFound."""
    if lists.by_id(conn, workspace_id, list_id) is None:
        raise NotFound("There is no such list.", code="list")
    return _together(conn, workspace_id, list_id)


def _together(conn: Connection, workspace_id: int, list_id: int | None = None) -> Together:
    number, total = analytics.sums(conn, workspace_id, list_id)
    names = [f.name for f in fields(Together) if f.name not in ("campaigns", "sent", "rates")]
    return Together(
        campaigns=number, sent=_sent(total), rates=rates(total), **{name: total.get(name, 0) for name in names}
    )


def rates(total: Mapping[str, int]) -> Rates:
    """Shares of counts."""
    sent, delivered = _sent(total), total.get("delivered", 0)
    of = {f.name: total.get(f.name, 0) / delivered if delivered else 0.0 for f in fields(Rates)}
    return Rates(**{**of, "delivered": delivered / sent if sent else 0.0})


def _sent(total: Mapping[str, int]) -> int:
    return sum(total.get(what, 0) for what in ("delivered", "bounced_hard", "bounced_soft", "waiting"))


def _median(found: Sequence[Rates]) -> Rates:
    if not found:
        return Rates()
    return Rates(**{f.name: median([getattr(one, f.name) for one in found]) for f in fields(Rates)})


def _shares(by: Mapping[tuple[str, str], Mapping[str, int]], dimension: str) -> list[Share]:
    opened, clicked = by.get(("opened", dimension), {}), by.get(("clicked", dimension), {})
    found = [Share(value, opened.get(value, 0), clicked.get(value, 0)) for value in opened.keys() | clicked.keys()]
    return [one for one in found if one.opened or one.clicked]


def _providers(
    by: Mapping[tuple[str, str], Mapping[str, int]], provider_of: Mapping[str, str]
) -> tuple[ByProvider, ...]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_BY_DOMAIN, 0))
    domains: dict[str, set[str]] = defaultdict(set)
    for what in _BY_DOMAIN:
        for domain, count in by.get((what, "provider"), {}).items():
            if count:
                provider = provider_of.get(domain, UNKNOWN)
                domains[provider].add(domain)
                sums[provider][what] += count
    found = [ByProvider(provider=name, domains=len(domains[name]), **values) for name, values in sums.items()]
    return tuple(sorted(found, key=lambda one: (-one.delivered - one.bounced_hard - one.bounced_soft, one.provider)))
