"""The start page: what is being sent now, and what became of the last campaigns."""

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from lettershop.servers.web.drawing import Segment, Stage, funnel, stacked
from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.pages.report import LIVE
from lettershop.servers.web.ports import Services

if TYPE_CHECKING:
    from lettershop.marketing.views import CampaignLine

SHOWN = 6


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/`. Without marketing, or the right to see it, it leads to the first screen the person may see."""
    campaigns, queue = services.campaigns, services.queue

    async def home(visit: Visit) -> Response:
        if campaigns is None or not visit.who.may("campaigns.read"):
            return elsewhere(ui, visit)
        lines = await campaigns.page(visit.workspace_id, limit=SHOWN + 4)
        running = [line for line in lines if line.state in LIVE]
        past = [line for line in lines if line.state not in LIVE and line.started_at is not None][:SHOWN]
        totals = await queue.totals() if queue and visit.who.may("queue.all") else None
        return visit.show(
            "home.html", screen="home", running=[(line, progress(line)) for line in running],
            past=[(line, stages(line)) for line in past], drafts=[line for line in lines if line.started_at is None],
            totals=totals, live=bool(running), unready=await unready(services, visit),
        )  # fmt: skip

    return Screen("home", [Route("/", ui.page("", home), name="home")], "Home", "/", "home", "", "campaigns.read")


async def unready(services: Services, visit: Visit) -> bool:
    """Whether somebody who can do it has first steps left."""
    if services.first_run is None or not visit.who.may("server.write"):
        return False
    return not (await services.first_run.standing(visit.workspace_id)).done


def elsewhere(ui: Ui, visit: Visit) -> Response:
    """The first screen of the navigation, or a page that says that there is none."""
    for _, screens in ui.navigation(visit.who):
        for other in screens:
            if other.name != "home":
                return visit.back_to(other.path)
    return visit.show("nowhere.html", screen="home")


def stages(line: "CampaignLine") -> list[Stage]:
    """The small funnel of a campaign."""
    counts = [
        ("recipients", "Recipients", line.recipients), ("delivered", "Delivered", line.delivered),
        ("opened", "Opened", line.opened), ("clicked", "Clicked", line.clicked), ("replied", "Replied", line.replied),
    ]  # fmt: skip
    return funnel(counts)


def progress(line: "CampaignLine") -> list[Segment]:
    """How far a running campaign is, as parts of a bar."""
    waiting = max(0, line.sent - line.delivered - line.bounced)
    parts = [
        ("good", "Delivered", line.delivered), ("bad", "Bounced", line.bounced), ("watch", "Waiting for a retry", waiting),
        ("calm", "Not tried yet", max(0, line.recipients - line.sent)),
    ]  # fmt: skip
    return stacked(parts)
