"""The recipients of a campaign: what became of each, with the receiver's answer."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.ports import Services

PAGE = 50
STATES = {
    "": "Everybody", "delivered": "Delivered", "opened": "Opened", "clicked": "Clicked", "replied": "Replied",
    "unsubscribed": "Unsubscribed", "complained": "Complained", "bounced": "Bounced", "expired": "Given up",
    "waiting": "Waiting", "queued": "Not tried yet", "withheld": "Withheld",
}  # fmt: skip


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/campaigns/{id}/recipients` and `/campaigns/{id}/recipients/{envelope}`."""
    reports, journeys = services.reports, services.journeys
    if reports is None:
        return None

    async def index(visit: Visit) -> Response:
        campaign_id, query = visit.path_id(), visit.query.get("q", "")[:200]
        state = visit.query.get("state", "")
        state, after = state if state in STATES else "", visit.query_id("after") or 0
        report = await reports.report(visit.workspace_id, campaign_id)
        lines = await reports.recipients(
            visit.workspace_id, campaign_id, query=query, state=state, after=after, limit=PAGE + 1
        )
        here = f"/campaigns/{campaign_id}/recipients"
        kept = {"q": query, "state": state}
        more = f"{here}?{urlencode({**kept, 'after': lines[PAGE - 1].envelope_id})}" if len(lines) > PAGE else ""
        return visit.show(
            "recipients.html", screen="campaigns", report=report, lines=lines[:PAGE], search=query, state_now=state,
            states=STATES, here=here, more=more, first=f"{here}?{urlencode(kept)}" if after else "",
        )  # fmt: skip

    async def show(visit: Visit) -> Response:
        """One recipient's journey."""
        campaign_id = visit.path_id()
        report = await reports.report(visit.workspace_id, campaign_id)
        assert journeys is not None
        found = await journeys.in_campaign(campaign_id, visit.path_id("envelope"), workspace_id=visit.workspace_id)
        return visit.show("recipient.html", screen="campaigns", report=report, journey=found, line=found.envelope)

    here = "/campaigns/{id:int}/recipients"
    routes = [Route(here, ui.page("campaigns.read", index), name="recipients")]
    if journeys is not None:
        routes.append(Route(f"{here}/{{envelope:int}}", ui.page("campaigns.read", show), name="recipient"))
    return Screen("recipients", routes)
