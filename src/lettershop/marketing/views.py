"""What the screens of marketing read, always within one workspace: whatever belongs to another one is not there.

Services only look; what people do with campaigns is in `marketing.campaigns`, which these hand on to after the check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound
from lettershop.base.facts import Fact, Unsubscribed
from lettershop.egress.forecast import Forecast
from lettershop.marketing.analytics import report as read_report
from lettershop.marketing.campaigns import Campaigns
from lettershop.marketing.forecast import Forecasts
from lettershop.marketing.report import Report
from lettershop.store import analytics as analytics_rows
from lettershop.store import campaigns as campaign_rows
from lettershop.store import contacts as contact_rows
from lettershop.store import journeys, people, views
from lettershop.store.campaigns import Campaign
from lettershop.store.contacts import Contact
from lettershop.store.database import Database
from lettershop.store.views import RecipientRow, TimelineRow

MAIN_LOG, MAIL_LOG = 0, 1
ALL_IDS = 2**62


class NotHere(NotFound):
    """It does not exist in this workspace."""

    code = "not-here"


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A campaign in a list, with the figures of its funnel (people)."""

    id: int
    name: str
    subject: str
    state: str
    created_at: float
    scheduled_at: float | None
    started_at: float | None
    finished_at: float | None
    recipients: int
    sent: int
    delivered: int
    bounced: int
    opened: int
    clicked: int
    replied: int
    unsubscribed: int
    complained: int


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A contact in a list. `suppressed` is the reason, or empty."""

    id: int
    address: str
    name: str
    lists: tuple[str, ...]
    suppressed: str
    created_at: float
    last_opened_at: float | None
    last_clicked_at: float | None
    last_replied_at: float | None


@dataclass(frozen=True, slots=True)
class ContactCard:
    """A contact with all that is known. `subscriptions` are (list, status, since), `consents` (at, kind, basis, source)."""

    line: ContactLine
    attributes: Mapping[str, object]
    tracking_consent: bool | None
    subscriptions: tuple[tuple[str, str, float], ...]
    consents: tuple[tuple[float, str, str, str], ...]
    tags: tuple[str, ...] = ()


class CampaignDesk:
    """Campaigns as their screens ask for them."""

    def __init__(self, main: Database, campaigns: Campaigns, forecasts: Forecasts | None = None) -> None:
        self._main = main
        self._campaigns = campaigns
        self._forecasts = forecasts

    async def forecast(self, workspace_id: int, campaign_id: int) -> Forecast | None:
        """When it will be done; None where nobody looks ahead."""
        await self._own(workspace_id, campaign_id)
        return await self._forecasts.of(campaign_id) if self._forecasts else None

    async def page(
        self, workspace_id: int, *, query: str = "", before: int | None = None, limit: int = 25
    ) -> Sequence[CampaignLine]:
        """Newest first, a page below the id `before`."""
        return await self._main.read(_campaign_page, workspace_id, query, before, limit)

    async def report(self, workspace_id: int, campaign_id: int) -> Report:
        """The figures of a campaign."""
        await self._own(workspace_id, campaign_id)
        return await self._main.read(read_report, campaign_id)

    async def recipients(
        self, workspace_id: int, campaign_id: int, *, query: str = "", state: str = "", after: int = 0, limit: int = 50
    ) -> Sequence[RecipientRow]:
        """Who it was for, and what became of each."""
        await self._own(workspace_id, campaign_id)
        return await self._main.read(views.recipients, campaign_id, query=query, state=state, after=after, limit=limit)

    async def pause(self, workspace_id: int, campaign_id: int, *, by: str) -> None:
        """Stop sending for now."""
        await self._own(workspace_id, campaign_id)
        await self._campaigns.pause(campaign_id, by=by)

    async def resume(self, workspace_id: int, campaign_id: int, *, by: str) -> None:
        """Go on."""
        await self._own(workspace_id, campaign_id)
        await self._campaigns.resume(campaign_id, by=by)

    async def cancel(self, workspace_id: int, campaign_id: int, *, by: str) -> None:
        """Stop for good."""
        await self._own(workspace_id, campaign_id)
        await self._campaigns.cancel(campaign_id, by=by)

    async def _own(self, workspace_id: int, campaign_id: int) -> None:
        found = await self._main.read(campaign_rows.by_id, campaign_id)
        if found is None or found.workspace_id != workspace_id:
            raise NotHere("There is no such campaign.")


class ContactDesk:
    """Contacts as their screens ask for them."""

    def __init__(self, main: Database, mail: Database, clock: Clock) -> None:
        self._main = main
        self._mail = mail
        self._clock = clock

    async def count(self, workspace_id: int, *, query: str = "") -> int:
        """How many there are; `query` looks in address and name."""
        return await self._main.read(people.count, workspace_id, {}, self._clock.now(), search=query)

    async def page(
        self, workspace_id: int, *, query: str = "", after: int = 0, limit: int = 50
    ) -> Sequence[ContactLine]:
        """By id, a page after the id `after`; `query` looks in address and name."""
        return await self._main.read(_contact_page, workspace_id, query, self._clock.now(), after, limit)

    async def card(self, workspace_id: int, contact_id: int) -> ContactCard:
        """All that is known of a contact."""
        return await self._main.read(_card, workspace_id, contact_id)

    async def timeline(
        self, workspace_id: int, contact_id: int, *, before: int | None = None, limit: int = 50
    ) -> Sequence[TimelineRow]:
        """What happened between us, newest first, of both logs by their moments; `before` is the `place` of the last row."""
        await self.card(workspace_id, contact_id)
        above = await self._above(before)
        if above is None:
            return []
        rows = await self._main.read(views.timeline, workspace_id, contact_id, above[MAIN_LOG], limit)
        found = [replace(row, place=2 * row.id) for row in rows] + await self._came(contact_id, above[MAIL_LOG], limit)
        return sorted(found, key=lambda row: (row.at, row.place % 2, row.place), reverse=True)[:limit]

    async def _above(self, place: int | None) -> "dict[int, tuple[float, int] | None] | None":
        """For each log, below which moment and id the page begins; None: the row of that place is gone."""
        if place is None:
            return {MAIN_LOG: None, MAIL_LOG: None}
        fact_id, log = divmod(place, 2)
        read = self._mail.read(journeys.moment_of, fact_id) if log else self._main.read(views.moment_of, fact_id)
        at = await read
        if at is None:
            return None
        beside = (at, ALL_IDS if log else 0)  # at one moment, the mail log's rows come first
        return {log: (at, fact_id), 1 - log: beside}

    async def _came(self, contact_id: int, before: tuple[float, int] | None, limit: int) -> list[TimelineRow]:
        """From the mail log, but for what the main log tells as well."""
        told = await self._main.read(views.unsubscriptions, contact_id)
        kept: list[tuple[int, Fact]] = []
        while len(kept) < limit:
            came = await self._mail.read(journeys.of_contact, contact_id, before, limit)
            kept += [
                (key, one) for key, one in came
                if not isinstance(one, Unsubscribed) or (one.campaign_id, one.how) not in told
            ]  # fmt: skip
            if len(came) < limit:
                break
            before = came[-1][1].at, came[-1][0]
        names = await self._main.read(views.campaign_names, {one.campaign_id for _, one in kept if one.campaign_id})
        return [
            TimelineRow(
                0, one.at, one.kind, one.campaign_id, names.get(one.campaign_id or 0, ""), one.data(), one.envelope_id,
                2 * key + MAIL_LOG,
            )
            for key, one in kept
        ]  # fmt: skip


def _campaign_page(
    conn: Connection, workspace_id: int, query: str, before: int | None, limit: int
) -> list[CampaignLine]:
    found = campaign_rows.page(conn, workspace_id, before=before, limit=limit, search=query)
    totals = analytics_rows.totals(conn, [campaign.id for campaign in found])
    return [_campaign_line(campaign, totals.get(campaign.id, {})) for campaign in found]


def _campaign_line(campaign: Campaign, counts: Mapping[str, int]) -> CampaignLine:
    bounced = counts.get("bounced_hard", 0) + counts.get("bounced_soft", 0)
    return CampaignLine(
        id=campaign.id, name=campaign.name, subject=campaign.subject, state=campaign.state,
        created_at=campaign.created_at, scheduled_at=campaign.scheduled_at, started_at=campaign.started_at,
        finished_at=campaign.finished_at, recipients=campaign.recipients,
        sent=counts.get("delivered", 0) + bounced + counts.get("waiting", 0), delivered=counts.get("delivered", 0),
        bounced=bounced, opened=counts.get("opened", 0), clicked=counts.get("clicked", 0),
        replied=counts.get("replied", 0), unsubscribed=counts.get("unsubscribed", 0),
        complained=counts.get("complained", 0),
    )  # fmt: skip


def _contact_page(
    conn: Connection, workspace_id: int, query: str, now: float, after: int, limit: int
) -> list[ContactLine]:
    ids = people.page(conn, workspace_id, {}, now, search=query, after=after, limit=limit)
    found = contact_rows.by_ids(conn, ids)
    lists = views.lists_of(conn, [contact.id for contact in found])
    reasons = views.suppression_reasons(conn, workspace_id, [contact.email_key for contact in found])
    return [_contact_line(contact, lists.get(contact.id, []), reasons.get(contact.email_key, "")) for contact in found]


def _contact_line(contact: Contact, lists: Sequence[tuple[str, str, float]], suppressed: str) -> ContactLine:
    return ContactLine(
        id=contact.id, address=contact.email, name=contact.name,
        lists=tuple(name for name, status, _ in lists if status == "subscribed"), suppressed=suppressed,
        created_at=contact.created_at, last_opened_at=contact.last_opened_at,
        last_clicked_at=contact.last_clicked_at, last_replied_at=contact.last_replied_at,
    )  # fmt: skip


def _card(conn: Connection, workspace_id: int, contact_id: int) -> ContactCard:
    contact = contact_rows.by_id(conn, contact_id)
    if contact is None or contact.workspace_id != workspace_id:
        raise NotHere("There is no such contact.")
    lists = views.lists_of(conn, [contact_id]).get(contact_id, [])
    reasons = views.suppression_reasons(conn, workspace_id, [contact.email_key])
    return ContactCard(
        line=_contact_line(contact, lists, reasons.get(contact.email_key, "")), attributes=contact.attributes,
        tracking_consent=contact.tracking_consent, subscriptions=tuple(lists),
        consents=tuple(views.consents_of(conn, contact_id)), tags=contact.tags,
    )  # fmt: skip
