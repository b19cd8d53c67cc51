"""The media library: pictures and files that messages show, put in, copied by address, taken out. The rules are in `marketing.media`."""

from urllib.parse import urlencode, urlsplit

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Services

SHOWN = 48
DONE = {"added": "It is in the library.", "removed": "It is taken out."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/media`."""
    shelf = services.shelf
    if shelf is None:
        return None

    async def page(visit: Visit, *, error: LettershopError | None = None) -> Response:
        before = visit.query_id("before")
        found = list(await shelf.page(visit.workspace_id, before=before, limit=SHOWN + 1))
        shown = [(one, shelf.url(one), urlsplit(shelf.url(one)).path) for one in found[:SHOWN]]
        return visit.show(
            "media.html", screen="media", media=shown, error=error, first="/media" if before else "",
            more=f"/media?before={found[SHOWN - 1].id}" if len(found) > SHOWN else "",
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def index(visit: Visit) -> Response:
        return await page(visit)

    async def add(visit: Visit) -> Response:
        files = [one for _, one in visit.form.multi_items() if not isinstance(one, str) and one.filename]
        try:
            if not files:
                raise Invalid("No file was chosen.")
            for one in files:
                await shelf.upload(visit.workspace_id, one.filename or "file", await one.read())
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to("/media?" + urlencode({"done": "added"}))

    async def remove(visit: Visit) -> Response:
        await shelf.remove(visit.workspace_id, visit.path_id())
        return visit.back_to("/media?" + urlencode({"done": "removed"}))

    routes = [
        Route("/media", ui.page("campaigns.read", index), name="media"),
        Route("/media", ui.page("campaigns.send", add), methods=["POST"]),
        Route("/media/{id:int}/remove", ui.page("campaigns.send", remove), methods=["POST"]),
    ]
    return Screen("media", routes, "Media", "/media", "campaigns", "Marketing", "campaigns.read")
