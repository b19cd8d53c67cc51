"""The queue: what waits, why, and the receiver's last answer; try now, or take out."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.ports import Services

PAGE = 50
DONE = {
    "retry": "It is tried as soon as a connection is free.",
    "remove": "Taken out of the queue.",
    "busy": "It is being tried at this moment; look again in a few seconds.",
}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/queue` and its commands. Operators see the whole queue, others their workspace's."""
    queue = services.queue
    if queue is None:
        return None

    async def index(visit: Visit) -> Response:
        site, after = visit.query.get("site", "")[:253], visit.query_id("after") or 0
        lines = await queue.waiting(workspace_id=scope(visit), site=site or None, after=after, limit=PAGE + 1)
        whole = visit.who.may("queue.all")
        kept = {"site": site} if site else {}
        more = f"/queue?{urlencode({**kept, 'after': lines[PAGE - 1].envelope_id})}" if len(lines) > PAGE else ""
        return visit.show(
            "queue.html", screen="queue", lines=lines[:PAGE], site=site, more=more, done=DONE.get(visit.query.get("done", ""), ""),
            first=f"/queue?{urlencode(kept)}" if after else "", sites=await queue.sites() if whole else [],
            held=await queue.held_back() if whole else [],
            totals=await queue.totals() if whole else None,
        )  # fmt: skip

    async def retry(visit: Visit) -> Response:
        changed = await queue.retry(visit.path_id(), workspace_id=scope(visit))
        return visit.back_to(f"/queue?done={'retry' if changed else 'busy'}")

    async def remove(visit: Visit) -> Response:
        changed = await queue.remove(visit.path_id(), workspace_id=scope(visit))
        return visit.back_to(f"/queue?done={'remove' if changed else 'busy'}")

    routes = [
        Route("/queue", ui.page("queue.read", index), name="queue"),
        Route("/queue/{id:int}/retry", ui.page("queue.act", retry), methods=["POST"]),
        Route("/queue/{id:int}/remove", ui.page("queue.act", remove), methods=["POST"]),
    ]
    return Screen("queue", routes, "Queue", "/queue", "queue", "Delivery", "queue.read")


def scope(visit: Visit) -> int | None:
    """The workspace whose queue this person sees; None for an operator, who sees all."""
    return None if visit.who.may("queue.all") else visit.workspace_id
