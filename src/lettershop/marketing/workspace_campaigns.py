"""Campaigns as the API acts on them: always within one workspace, content by the names of brand and list.

`marketing.campaigns` has the rules; here is the check that a campaign is the workspace's own, and the change of single
fields of a draft.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict
from lettershop.marketing.campaigns import CampaignInvalid, Campaigns, CampaignUnknown, Draft
from lettershop.marketing.compliance import Finding
from lettershop.marketing.recurrence import Repeat
from lettershop.marketing.segment_text import print_tree
from lettershop.marketing.segments import from_json
from lettershop.store import campaigns as rows
from lettershop.store import subscriptions, workspaces
from lettershop.store.campaigns import Campaign
from lettershop.store.database import Database, Transaction


class NotADraft(Conflict):
    """Only what was never sent can be deleted."""

    code = "campaign-sent"


@dataclass(frozen=True, slots=True)
class Written:
    """A campaign with its content as it was written."""

    campaign: Campaign
    draft: Draft


class WorkspaceCampaigns:
    """One object per process."""

    def __init__(self, main: Database, campaigns: Campaigns) -> None:
        self._main = main
        self._campaigns = campaigns

    async def create(self, workspace_id: int, values: Mapping[str, Any]) -> Written:
        """A draft of the fields of `Draft`; raises CampaignInvalid, SegmentInvalid."""
        return await self.get(workspace_id, await self._campaigns.create(workspace_id, Draft(**values)))

    async def get(self, workspace_id: int, campaign_id: int) -> Written:
        """One campaign; raises CampaignUnknown."""
        found = await self._main.read(_written, workspace_id, campaign_id)
        if found is None:
            raise CampaignUnknown(f"There is no campaign {campaign_id}.")
        return found

    async def change(self, workspace_id: int, campaign_id: int, values: Mapping[str, Any]) -> Written:
        """Replace some fields of a draft; raises MoveNotAllowed once it is being sent."""
        written = await self.get(workspace_id, campaign_id)
        await self._campaigns.change(campaign_id, replace(written.draft, **values))
        return await self.get(workspace_id, campaign_id)

    async def remove(self, workspace_id: int, campaign_id: int) -> None:
        """Delete a draft; raises NotADraft for what was sent."""
        await self.get(workspace_id, campaign_id)
        if not await self._main.write(rows.remove_draft, campaign_id):
            raise NotADraft("This campaign was sent; its report stays.", remedy="Cancel it if it must stop.")

    async def check(self, workspace_id: int, campaign_id: int) -> list[Finding]:
        """What keeps it from being sent, and what should be looked at."""
        await self.get(workspace_id, campaign_id)
        return await self._campaigns.check(campaign_id)

    async def schedule(self, workspace_id: int, campaign_id: int, at: float | None, *, by: str) -> Written:
        """Send it at `at`, or now. Raises NotReady with the findings, MoveNotAllowed."""
        await self.get(workspace_id, campaign_id)
        if at is None:
            await self._campaigns.start(campaign_id, by=by)
        else:
            await self._campaigns.schedule(campaign_id, at, by=by)
        return await self.get(workspace_id, campaign_id)

    async def resend(self, workspace_id: int, campaign_id: int, subject: str, name: str = "") -> Written:
        """A draft for whom this one reached and who did not open it. Raises MoveNotAllowed."""
        await self.get(workspace_id, campaign_id)
        return await self.get(workspace_id, await self._campaigns.resend(campaign_id, subject, name))

    async def repeat(self, workspace_id: int, campaign_id: int, rule: Mapping[str, Any], *, by: str) -> Written:
        """Send it again and again, by the fields of `Repeat`. Raises NotReady, RepeatInvalid, MoveNotAllowed."""
        await self.get(workspace_id, campaign_id)
        await self._campaigns.repeat(campaign_id, Repeat(**rule), by=by)
        return await self.get(workspace_id, campaign_id)

    async def runs(self, workspace_id: int, campaign_id: int) -> list[Campaign]:
        """The campaigns that a recurring one has made, the newest first; each has its own report."""
        await self.get(workspace_id, campaign_id)
        return await self._main.read(rows.runs_of, campaign_id)

    async def throttle(self, workspace_id: int, campaign_id: int, hourly: int, *, by: str) -> Written:
        """At most so many messages an hour from now on; 0: no limit. Raises MoveNotAllowed."""
        await self.get(workspace_id, campaign_id)
        await self._campaigns.throttle(campaign_id, hourly, by=by)
        return await self.get(workspace_id, campaign_id)

    async def act(self, workspace_id: int, campaign_id: int, action: str, *, by: str) -> Written:
        """`pause`, `resume`, `cancel` or `unschedule`. Raises MoveNotAllowed."""
        await self.get(workspace_id, campaign_id)
        moves = {
            "pause": self._campaigns.pause, "resume": self._campaigns.resume, "cancel": self._campaigns.cancel,
            "unschedule": self._campaigns.unschedule,
        }  # fmt: skip
        await moves[action](campaign_id, by=by)
        return await self.get(workspace_id, campaign_id)


class Brands:
    """Who mail is from."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    async def all(self, workspace_id: int) -> list[workspaces.Brand]:
        """The workspace's brands, by name."""
        return await self._main.read(workspaces.brands_of, workspace_id)

    async def put(self, workspace_id: int, name: str, values: Mapping[str, Any]) -> workspaces.Brand:
        """Make a brand, or bring it up to date."""
        return await self._main.write(_put_brand, workspace_id, name, values, self._clock.now())


def _put_brand(tx: Transaction, workspace_id: int, name: str, values: Mapping[str, Any], at: float) -> workspaces.Brand:
    found = workspaces.brand(tx.conn, workspaces.ensure_brand(tx, workspace_id, name=name, at=at, **values))
    assert found is not None
    return found


def _written(conn: Connection, workspace_id: int, campaign_id: int) -> Written | None:
    campaign = rows.by_id(conn, campaign_id)
    if campaign is None or campaign.workspace_id != workspace_id:
        return None
    brand = workspaces.brand(conn, campaign.brand_id)
    if brand is None:
        raise CampaignInvalid("The campaign's brand is gone.")
    same = {field.name: getattr(campaign, field.name) for field in fields(Draft) if hasattr(campaign, field.name)}
    words = print_tree(from_json(campaign.tree)) if campaign.tree else ""
    names = {"brand": brand.name, "list_name": subscriptions.list_name(conn, campaign.list_id), "segment": words}
    return Written(campaign, Draft(**{**same, **names}))
