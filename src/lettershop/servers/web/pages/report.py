"""The report of a campaign: funnel, people and machines, time curve, links, providers, bounces; and its three commands.

While the campaign runs the page asks for itself every two seconds and only what changed is replaced.
"""

from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import NotFound
from lettershop.servers.web.drawing import Gauge, Segment, Stage, funnel, gauge, stacked
from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.pages.compose import framed
from lettershop.servers.web.ports import Services

if TYPE_CHECKING:
    from lettershop.marketing.report import Report

LIVE = frozenset({"sending", "paused"})
"""States in which the figures move, so that the page refreshes itself."""

AHEAD = frozenset({"draft", "scheduled", "sending", "paused"})
"""States in which there is something to forecast."""

COMPLAINTS = (0.001, 0.003)  # Gmail and Yahoo: keep below 0.1 %, never reach 0.3 %
HARD_BOUNCES = (0.05, 0.10)  # Amazon SES, the field's yardstick: review at 5 %, pause at 10 %
UNSUBSCRIBES = (0.005, 0.01)

DONE = {
    "pause": "Paused. Messages on open connections may still go out; nothing else does.",
    "resume": "The campaign goes on.",
    "cancel": "Cancelled. Whoever has not got it will not get it.",
}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/campaigns/{id}` and its commands."""
    reports, campaigns = services.reports, services.campaigns
    if reports is None or campaigns is None:
        return None

    async def show(visit: Visit) -> Response:
        found = await reports.report(visit.workspace_id, visit.path_id())
        ahead = await reports.forecast(visit.workspace_id, visit.path_id()) if found.state in AHEAD else None
        done = DONE.get(visit.query.get("done", ""), "")
        return visit.show("report.html", screen="campaigns", done=done, forecast=ahead, **view(found))

    async def command(visit: Visit) -> Response:
        name, campaign_id = str(visit.request.path_params["command"]), visit.path_id()
        act = {"pause": campaigns.pause, "resume": campaigns.resume, "cancel": campaigns.cancel}.get(name)
        if act is None:
            raise NotFound("There is no such command.")
        await act(visit.workspace_id, campaign_id, by=visit.who.email)
        return visit.back_to(f"/campaigns/{campaign_id}?done={name}")

    async def heat(visit: Visit) -> Response:
        """The message alone, with how many people followed each link: foreign HTML, in an origin of its own."""
        found = await reports.report(visit.workspace_id, visit.path_id())
        if services.trials is None:
            raise NotFound("Messages cannot be shown here.")
        people = {link.number: link.people for link in found.links}
        page = await services.trials.warmed(visit.workspace_id, visit.path_id(), people, found.delivered)
        return framed(page)

    return Screen(
        "report",
        [
            Route("/campaigns/{id:int}", ui.page("campaigns.read", show), name="report"),
            Route("/campaigns/{id:int}/heat", ui.page("campaigns.read", heat)),
            Route("/campaigns/{id:int}/{command}", ui.page("campaigns.send", command), methods=["POST"]),
        ],
    )


def view(report: "Report") -> dict[str, Any]:
    """Everything the template shows; figures come as they are, only drawings are made here."""
    return {
        "report": report,
        "live": report.state in LIVE,
        "stages": stages(report),
        "progress": progress(report),
        "gauges": gauges(report),
        "most_followed": max((link.people for link in report.links), default=0),
        "bounced": report.bounced_hard + report.bounced_soft,
    }


def stages(report: "Report") -> list[Stage]:
    """The funnel from recipients to replies."""
    return funnel([
        ("recipients", "Recipients", report.recipients), ("sent", "Sent", report.sent),
        ("delivered", "Delivered", report.delivered), ("opened", "Opened", report.opened),
        ("clicked", "Clicked", report.clicked), ("replied", "Replied", report.replied),
    ])  # fmt: skip


def progress(report: "Report") -> list[Segment]:
    """What became of every recipient so far."""
    return stacked([
        ("good", "Delivered", report.delivered), ("bad", "Bounced for good", report.bounced_hard),
        ("soft", "Given up", report.bounced_soft), ("watch", "Waiting for a retry", report.waiting),
        ("withheld", "Withheld", report.withheld), ("calm", "Not tried yet", report.queued),
    ])  # fmt: skip


def gauges(report: "Report") -> dict[str, Gauge]:
    """Rates that receivers judge a sender by."""
    return {
        "complained": gauge(report.rate(report.complained), *COMPLAINTS),
        "unsubscribed": gauge(report.rate(report.unsubscribed), *UNSUBSCRIBES),
        "bounced": gauge(report.bounced_hard / report.sent if report.sent else 0.0, *HARD_BOUNCES),
    }
