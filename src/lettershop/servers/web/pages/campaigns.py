"""All campaigns of the workspace, newest first, with the rates that tell most."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.ports import Services

PAGE = 25


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/campaigns`."""
    campaigns = services.campaigns
    if campaigns is None:
        return None

    async def index(visit: Visit) -> Response:
        query, before = visit.query.get("q", "")[:200], visit.query_id("before")
        lines = await campaigns.page(visit.workspace_id, query=query, before=before, limit=PAGE + 1)
        more = f"/campaigns?{urlencode({'q': query, 'before': lines[PAGE - 1].id})}" if len(lines) > PAGE else ""
        return visit.show(
            "campaigns.html", screen="campaigns", lines=lines[:PAGE], search=query, more=more, first=bool(before)
        )

    route = Route("/campaigns", ui.page("campaigns.read", index), name="campaigns")
    return Screen("campaigns", [route], "Campaigns", "/campaigns", "campaigns", "Marketing", "campaigns.read")
