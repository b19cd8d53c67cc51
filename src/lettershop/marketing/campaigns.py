"""Campaigns: made, checked, started, paused, resumed, cancelled, scheduled. The states and the one table of moves.

    draft -> scheduled -> sending <-> paused
      |  `-------------->    |-> done          any of them but done -> cancelled
      `-> recurring: each run is a new campaign, scheduled

A move happens in one transaction with its fact and with what it means for the queue (`store.envelopes` holds, resumes or
cancels the campaign's lanes). Starting is refused by name if `marketing.compliance` finds an error.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, Invalid, LettershopError, NotFound
from lettershop.base.facts import CampaignChanged
from lettershop.marketing import audience
from lettershop.marketing import design as designing
from lettershop.marketing.compliance import Case, Finding, NotReady, examine
from lettershop.marketing.content import Design
from lettershop.marketing.design import design_of
from lettershop.marketing.languages import check_variants
from lettershop.marketing.links import check_untracked, check_utm
from lettershop.marketing.markup import FORMATS
from lettershop.marketing.pacing import begins_at, known_zone
from lettershop.marketing.recurrence import Repeat
from lettershop.marketing.render import Compiled, compile_design
from lettershop.marketing.segments import All, Engaged, IsSet, Not, from_json, to_json
from lettershop.marketing.tracking import MODES
from lettershop.store import accounts, blocks, breakers, campaigns, designs, envelopes, media, subscriptions, workspaces
from lettershop.store.campaigns import Campaign
from lettershop.store.database import Database, Transaction

MOVES: dict[str, tuple[tuple[str, ...], str]] = {
    "schedule": (("draft", "scheduled"), "scheduled"),
    "unschedule": (("scheduled", "recurring"), "draft"),
    "repeat": (("draft", "scheduled", "recurring"), "recurring"),
    "run": (("recurring",), "recurring"),
    "end": (("recurring",), "done"),
    "start": (("draft", "scheduled"), "sending"),
    "pause": (("sending",), "paused"),
    "resume": (("paused",), "sending"),
    "finish": (("sending",), "done"),
    "cancel": (("draft", "scheduled", "recurring", "sending", "paused"), "cancelled"),
}
"""Every move: the states it may come from, and where it leads."""

DOMAIN_SPAN = 86_400.0
"""Campaigns of a sending domain count together for circuit breakers while they run, and so many seconds longer."""


class CampaignUnknown(NotFound):
    """There is no such campaign."""

    code = "campaign"


class MoveNotAllowed(Conflict):
    """The campaign's state does not allow this."""

    code = "campaign-state"


class CampaignInvalid(Invalid):
    """The campaign names something that does not exist."""

    code = "campaign-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A campaign as it is written. `segment` in words (`marketing.segment_text`), empty for the whole list."""

    name: str
    subject: str
    brand: str
    html: str
    list_name: str = ""
    segment: str = ""
    preheader: str = ""
    text: str = ""
    format: str = "html"  # of `html`: marketing.markup
    track_opens: bool = True
    track_clicks: bool = True
    pool: str = ""  # of source addresses; empty: the brand's
    tracking: str = ""  # marketing.tracking; empty: as the workspace has it
    hourly: int = 0  # most messages an hour; 0: as fast as receivers take them
    local_zone: str = ""  # not empty: at everybody's own time; who has no zone counts as being here
    zone_attribute: str = "timezone"
    utm: Mapping[str, str] = field(default_factory=dict)  # marketing.links
    untracked: Sequence[str] = ()
    layout: str = ""  # by name: marketing.blocks
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # marketing.languages
    language_attribute: str = "language"
    archive: str = ""  # of its list: yes, no, empty: if it goes to all of it
    files: Sequence[Mapping[str, Any]] = ()  # `media_id` and `inline`: pictures within it, or attachments


class Looks(Protocol):
    """`marketing.surroundings.Surroundings`."""

    async def look(self, case: Case) -> list[Finding]: ...  # noqa: D102


class Campaigns:
    """What people do with campaigns. `mail` is asked for the sending domains; `public_url` is what links start with;
    `surroundings` are looked at by `check`.
    """

    def __init__(
        self, main: Database, mail: Database, clock: Clock, public_url: str, surroundings: Looks | None = None
    ) -> None:
        self._surroundings = surroundings
        self._main = main
        self._mail = mail
        self._clock = clock
        self._public_url = public_url

    async def create(self, workspace_id: int, draft: Draft) -> int:
        """A draft; its id. Raises CampaignInvalid or SegmentInvalid if it names what does not exist."""
        return await self._main.write(_create, workspace_id, draft, self._clock.now())

    async def change(self, campaign_id: int, draft: Draft) -> None:
        """Replace a draft's content; raises MoveNotAllowed once it is being sent."""
        await self._main.write(_change, campaign_id, draft)

    async def get(self, campaign_id: int) -> Campaign:
        """The campaign; raises CampaignUnknown."""
        campaign = await self._main.read(campaigns.by_id, campaign_id)
        if campaign is None:
            raise CampaignUnknown(f"There is no campaign {campaign_id}.")
        return campaign

    async def find(self, workspace_id: int, name_or_id: str) -> Campaign:
        """The campaign by its number or its name; raises CampaignUnknown."""
        found = await self._main.read(_find, workspace_id, name_or_id)
        if found is None:
            raise CampaignUnknown(f"There is no campaign {name_or_id!r}.")
        return found

    async def check(self, campaign_id: int) -> list[Finding]:
        """What keeps it from being sent, and what should be looked at."""
        case, _ = await self._case(campaign_id)
        around = await self._surroundings.look(case) if self._surroundings is not None else []
        return [*examine(case), *around]

    async def start(self, campaign_id: int, *, by: str = "") -> None:
        """Send it now. Raises NotReady with the findings, or MoveNotAllowed."""
        case, compiled = await self._case(campaign_id)
        findings = examine(case)
        if compiled is None or any(finding.severity == "error" for finding in findings):
            raise NotReady(findings)
        await self._main.write(_start, campaign_id, compiled, self._clock.now(), by)

    async def schedule(self, campaign_id: int, at: float, *, by: str = "") -> None:
        """Send it at `at`; checked now and again then. Raises NotReady, MoveNotAllowed."""
        await self._must_be_ready(campaign_id)
        await self._main.write(move, campaign_id, "schedule", self._clock.now(), by, scheduled_at=at)

    async def unschedule(self, campaign_id: int, *, by: str = "", why: str = "") -> None:
        """Back to a draft; a recurring campaign has no further runs."""
        await self._main.write(
            move, campaign_id, "unschedule", self._clock.now(), by, why, scheduled_at=None, repeat={}
        )

    async def repeat(self, campaign_id: int, rule: Repeat, *, by: str = "") -> None:
        """Send it again and again; each run is checked. Raises NotReady, RepeatInvalid, ZoneUnknown, MoveNotAllowed."""
        rule.check()
        await self._must_be_ready(campaign_id)
        now = self._clock.now()
        first = rule.first if rule.first > now else rule.after(now)
        if first is None:
            raise MoveNotAllowed("All its moments have passed.")
        tree = rule.to_json()
        await self._main.write(move, campaign_id, "repeat", now, by, scheduled_at=first, repeat=tree)

    async def run(self, campaign_id: int) -> None:
        """The moment of a recurring campaign has come: a new campaign is scheduled, and the next moment is known."""
        await self._main.write(_run, campaign_id, self._clock.now())

    async def resend(self, campaign_id: int, subject: str, name: str = "") -> int:
        """A draft for whom this one reached and who neither opened, clicked nor answered it; its id."""
        return await self._main.write(_resend, campaign_id, subject, name, self._clock.now())

    async def throttle(self, campaign_id: int, hourly: int, *, by: str = "") -> None:
        """At most so many messages an hour from now on, 0: no limit; also while it is being sent."""
        await self._main.write(_throttle, campaign_id, hourly, self._clock.now(), by)

    async def pause(self, campaign_id: int, *, by: str = "", why: str = "") -> None:
        """Send nothing more until it is resumed; acts within a poll of the engine."""
        await self._main.write(move, campaign_id, "pause", self._clock.now(), by, why)

    async def resume(self, campaign_id: int, *, by: str = "") -> None:
        """Go on: after a pause, or at full speed where a circuit breaker has slowed it down."""
        await self._main.write(_resume, campaign_id, self._clock.now(), by)

    async def cancel(self, campaign_id: int, *, by: str = "") -> None:
        """Send nothing more, ever."""
        now = self._clock.now()
        await self._main.write(move, campaign_id, "cancel", now, by, finished_at=now)

    async def finish(self, campaign_id: int) -> None:
        """All its envelopes are finished (`workers.campaigns`)."""
        now = self._clock.now()
        await self._main.write(move, campaign_id, "finish", now, finished_at=now)

    async def _must_be_ready(self, campaign_id: int) -> None:
        """What the world says is only pointed out, so it is not asked where only errors count."""
        findings = examine((await self._case(campaign_id))[0])
        if any(finding.severity == "error" for finding in findings):
            raise NotReady(findings)

    async def _case(self, campaign_id: int) -> tuple[Case, Compiled | None]:
        campaign = await self.get(campaign_id)
        design, people = await self._main.read(_gather, campaign, self._public_url, self._clock.now())
        if design is None:
            raise CampaignInvalid("The campaign's brand is gone.")
        domain = await self._mail.read(accounts.domain_by_name, design.domain)
        keys = await self._mail.read(accounts.keys_of, design.domain)
        compiled, wrong = await asyncio.to_thread(_compiled, design)
        case = Case(
            design, compiled, wrong, people[0], people[1], zoneless=people[2], local_zone=campaign.local_zone,
            domain_known=domain is not None and domain.sending and domain.workspace_id in (None, campaign.workspace_id),
            algorithms=tuple(key.algorithm for key in keys), lapsed=people[3], resting=people[4],
        )  # fmt: skip
        return case, compiled


def _compiled(design: Design) -> tuple[Compiled | None, str]:
    try:
        return compile_design(design), ""
    except LettershopError as error:
        return None, error.public


def _find(conn: Connection, workspace_id: int, name_or_id: str) -> Campaign | None:
    if name_or_id.isdigit():
        found = campaigns.by_id(conn, int(name_or_id))
        if found is not None and found.workspace_id == workspace_id:
            return found
    return campaigns.by_name(conn, workspace_id, name_or_id)


def _gather(
    conn: Connection, campaign: Campaign, public_url: str, now: float
) -> tuple[Design | None, tuple[int, int, int, int, int]]:
    """Made of what; how many it is for; of these, how many have no consent, no time zone where that matters, a consent that is over;
    how many rest."""
    tree = audience.resolve(conn, campaign.workspace_id, campaign.tree)
    where = audience.condition(conn, tree, now)
    about = campaign.workspace_id, campaign.list_id, where
    size, lapsed = campaigns.audience_size(conn, *about, now), campaigns.audience_lapsed(conn, *about, now)
    without = campaigns.without_consent(conn, *about)
    zoneless = 0
    if campaign.local_zone:
        parts = (*([from_json(tree)] if tree else []), Not(IsSet(campaign.zone_attribute)))
        unset = audience.condition(conn, to_json(All(parts)), now)
        zoneless = campaigns.audience_size(conn, campaign.workspace_id, campaign.list_id, unset, now)
    resting = campaigns.audience_resting(conn, *about, now)
    return design_of(conn, campaign, public_url), (size, without, zoneless, lapsed, resting)


def _values(conn: Connection, workspace_id: int, draft: Draft) -> dict[str, Any]:
    brand = next((entry for entry in workspaces.brands_of(conn, workspace_id) if entry.name == draft.brand), None)
    if brand is None:
        raise CampaignInvalid(f"There is no brand {draft.brand!r}.")
    if draft.tracking and draft.tracking not in MODES:
        raise CampaignInvalid(f"There is no tracking {draft.tracking!r}.", remedy=f"There are {', '.join(MODES)}.")
    if draft.format not in FORMATS:
        raise CampaignInvalid(f"There is no format {draft.format!r}.", remedy=f"There are {', '.join(FORMATS)}.")
    check_utm(draft.utm)
    check_untracked(draft.untracked)
    if draft.archive not in ("", "yes", "no"):
        raise CampaignInvalid(f"There is no archive {draft.archive!r}.", remedy="Say yes, no or nothing.")
    check_variants(draft.variants)
    layout = blocks.by_name(conn, workspace_id, draft.layout) if draft.layout else None
    if draft.layout and (layout is None or not layout.layout):
        raise CampaignInvalid(f"There is no layout {draft.layout!r}.")
    known = media.by_ids(conn, workspace_id, [int(one["media_id"]) for one in draft.files])
    lost = [one["media_id"] for one in draft.files if one["media_id"] not in known]
    if lost:
        raise CampaignInvalid(f"There is no medium {lost[0]}.")
    if draft.local_zone:
        known_zone(draft.local_zone)
    if draft.hourly < 0:
        raise CampaignInvalid("A campaign cannot send less than nothing an hour.")
    list_id = subscriptions.list_named(conn, workspace_id, draft.list_name) if draft.list_name else None
    if draft.list_name and list_id is None:
        raise CampaignInvalid(f"There is no list {draft.list_name!r}.")
    tree = audience.tree_of(draft.segment)
    audience.resolve(conn, workspace_id, tree)
    return {
        "brand_id": brand.id, "name": draft.name, "subject": draft.subject, "preheader": draft.preheader,
        "html": draft.html, "text": draft.text, "tree": tree, "list_id": list_id,
        "track_opens": draft.track_opens, "track_clicks": draft.track_clicks,
        "pool": draft.pool, "tracking": draft.tracking, "format": draft.format,
        "hourly": draft.hourly, "local_zone": draft.local_zone, "zone_attribute": draft.zone_attribute,
        "utm": dict(draft.utm), "untracked": list(draft.untracked),
        "layout": draft.layout, "language_attribute": draft.language_attribute,
        "archive": draft.archive, "segmented": bool(tree),
        "files": [{"media_id": int(one["media_id"]), "inline": bool(one.get("inline"))} for one in draft.files],
        "variants": {tag: dict(parts) for tag, parts in draft.variants.items()},
    }  # fmt: skip


def _create(tx: Transaction, workspace_id: int, draft: Draft, at: float) -> int:
    return campaigns.create(tx, workspace_id, at=at, **_values(tx.conn, workspace_id, draft))


def _change(tx: Transaction, campaign_id: int, draft: Draft) -> None:
    campaign = campaigns.by_id(tx.conn, campaign_id)
    if campaign is None:
        raise CampaignUnknown(f"There is no campaign {campaign_id}.")
    if not campaigns.change(tx, campaign_id, **_values(tx.conn, campaign.workspace_id, draft)):
        raise MoveNotAllowed(f"The campaign is {campaign.state}; its content cannot be changed any more.")


def _start(tx: Transaction, campaign_id: int, compiled: Compiled, at: float, by: str) -> None:
    campaign = campaigns.by_id(tx.conn, campaign_id)
    if campaign is None or campaign.version != compiled.design.version:
        raise MoveNotAllowed("The campaign was changed meanwhile.", remedy="Check it again.")
    campaigns.set_links(tx, campaign_id, [(link.number, link.url, link.label) for link in compiled.links])
    designs.keep(tx, campaign_id, designing.to_json(compiled.design))
    values: dict[str, Any] = {"started_at": at, "tree": audience.resolve(tx.conn, campaign.workspace_id, campaign.tree)}
    if campaign.scheduled_at is not None and begins_at(campaign.scheduled_at, campaign.local_zone) > at:
        values["scheduled_at"] = at  # sent now although it was planned for later
    move(tx, campaign_id, "start", at, by, **values)


def _run(tx: Transaction, campaign_id: int, at: float) -> None:
    """The new campaign and the next moment in one transaction: no run is lost or done twice."""
    campaign = campaigns.by_id(tx.conn, campaign_id)
    rule = Repeat.from_json(campaign.repeat) if campaign else None
    if campaign is None or rule is None or campaign.state != "recurring" or campaign.scheduled_at is None:
        return
    if begins_at(campaign.scheduled_at, campaign.local_zone) > at:
        return
    planned = max(campaign.scheduled_at, rule.latest(at))  # of moments that were missed, the last one counts
    day = datetime.fromtimestamp(planned, known_zone(rule.zone)).strftime("%Y-%m-%d")
    made = campaigns.copy(
        tx, campaign_id, at=at, state="scheduled", name=f"{campaign.name} {day}", scheduled_at=planned,
        series_id=campaign_id,
    )  # fmt: skip
    following = rule.after(planned)
    more = {"scheduled_at": following} if following is not None else {"finished_at": at}
    move(tx, campaign_id, "end" if following is None else "run", at, "schedule", f"run {made}", **more)


def _resend(tx: Transaction, campaign_id: int, subject: str, name: str, at: float) -> int:
    campaign = campaigns.by_id(tx.conn, campaign_id)
    if campaign is None:
        raise CampaignUnknown(f"There is no campaign {campaign_id}.")
    if campaign.state not in ("done", "cancelled") or campaign.started_at is None:
        raise MoveNotAllowed(f"The campaign is {campaign.state}; who has not opened it is known when it is done.")
    quiet = [Not(Engaged(what, campaign=campaign_id)) for what in ("opened", "clicked", "replied")]
    before = [from_json(campaign.tree)] if campaign.tree else []
    tree = to_json(All((*before, Engaged("delivered", campaign=campaign_id), *quiet)))
    name = name or f"{campaign.name} (again)"
    return campaigns.copy(tx, campaign_id, at=at, name=name, subject=subject, tree=tree, resend_of=campaign_id)


def _throttle(tx: Transaction, campaign_id: int, hourly: int, at: float, by: str) -> None:
    campaign = campaigns.by_id(tx.conn, campaign_id)
    if campaign is None:
        raise CampaignUnknown(f"There is no campaign {campaign_id}.")
    if not campaigns.set_hourly(
        tx, campaign_id, hourly, only_from=("draft", "scheduled", "recurring", "sending", "paused")
    ):
        raise MoveNotAllowed(f"The campaign is {campaign.state}; its pace cannot be changed any more.")
    if campaign.started_at is None:
        return
    breakers.change_pace(tx, campaign_id, campaign.hourly, at)
    why = f"at most {hourly} messages an hour" if hourly else "no limit an hour"
    tx.fact(
        CampaignChanged(
            at=at, workspace_id=campaign.workspace_id, campaign_id=campaign_id, state=campaign.state, by=by, why=why
        )
    )  # fmt: skip


def _resume(tx: Transaction, campaign_id: int, at: float, by: str) -> None:
    lifted = breakers.lift(tx, campaign_id, at, at - DOMAIN_SPAN)
    campaign = campaigns.by_id(tx.conn, campaign_id)
    if not lifted or campaign is None or campaign.state != "sending":
        move(tx, campaign_id, "resume", at, by)
        return
    tx.fact(
        CampaignChanged(
            at=at, workspace_id=campaign.workspace_id, campaign_id=campaign_id, state="sending", by=by,
            why="a circuit breaker was reset",
        )
    )  # fmt: skip


def move(
    tx: Transaction, /, campaign_id: int, action: str, at: float, by: str = "", why: str = "", **values: Any
) -> None:
    """Move a campaign by the table, and its lanes in the queue with it; raises MoveNotAllowed."""
    only_from, to = MOVES[action]
    if not campaigns.move(tx, campaign_id, to, only_from=only_from, at=at, by=by, why=why, **values):
        campaign = campaigns.by_id(tx.conn, campaign_id)
        if campaign is None:
            raise CampaignUnknown(f"There is no campaign {campaign_id}.")
        raise MoveNotAllowed(f"The campaign is {campaign.state}; {action} is not possible.")
    lanes = {"pause": envelopes.hold, "resume": envelopes.resume, "cancel": envelopes.cancel}.get(action)
    if lanes is not None:
        lanes(tx, campaign_id)
