"""How mail gets through: what each receiver lets in now and why something waits there, and how far warm-ups are.

The rules are in `egress`; here they are told (`mail.sites`, `mail.warming`), and a suspension is ended.
"""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Services

PAGE = 100
DONE = {"resumed": "It is tried again within seconds."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/deliverability` and its command."""
    sites, warming = services.sites, services.warming
    if sites is None or warming is None:
        return None

    async def page(visit: Visit, *, error: LettershopError | None = None) -> Response:
        query = visit.query.get("q", "")[:200].strip().lower()
        standings = [one for one in await sites.standings() if query in one.site]
        return visit.show(
            "deliverability.html", screen="deliverability", sites=standings[:PAGE], more=max(0, len(standings) - PAGE),
            suspended=sum(one.suspended_until > 0 for one in standings), search=query, warmups=await warming.lines(),
            error=error, done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def index(visit: Visit) -> Response:
        return await page(visit)

    async def resume(visit: Visit) -> Response:
        try:
            await sites.resume(visit.field("site"), visit.field("source"))
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to("/deliverability?" + urlencode({"done": "resumed"}))

    routes = [
        Route("/deliverability", ui.page("queue.all", index), name="deliverability"),
        Route("/deliverability/resume", ui.page("queue.all", resume), methods=["POST"]),
    ]
    return Screen("deliverability", routes, "Receivers", "/deliverability", "sent", "Delivery", "queue.all")
