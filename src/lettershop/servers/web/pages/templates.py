"""Templates of single messages: listed, written, seen filled in, deleted. The rules are in `marketing.templates`."""

import json
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.pages.compose import FORMATS, LONGEST, framed
from lettershop.servers.web.ports import Services

RIGHT = "campaigns.send"
PAGE = 100
DONE = {"saved": "The template is saved.", "removed": "The template is deleted."}
FIELDS = ("subject", "format", "html", "text")
BEGINNING = '<p>Hello {{ name | default("there") }},</p>\n\n<p>…</p>\n'


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/templates`, `/templates/new` and `/templates/{id}`."""
    if services.templates is None:
        return None
    desk = TemplatePages(services.templates)
    one = "/templates/{id:int}"
    routes = [
        Route("/templates", ui.page("campaigns.read", desk.index), name="templates"),
        Route("/templates/new", ui.page(RIGHT, desk.show)),
        Route("/templates/new", ui.page(RIGHT, desk.save), methods=["POST"]),
        Route(one, ui.page(RIGHT, desk.show)),
        Route(one, ui.page(RIGHT, desk.save), methods=["POST"]),
        Route(f"{one}/message", ui.page(RIGHT, desk.message)),
        Route(f"{one}/remove", ui.page(RIGHT, desk.remove), methods=["POST"]),
    ]
    return Screen("templates", routes, "Templates", "/templates", "campaigns", "Marketing", "campaigns.read")


class TemplatePages:
    """The list and the form of one."""

    def __init__(self, templates: Any) -> None:
        self._templates = templates

    async def index(self, visit: Visit) -> Response:
        """All of them, a page by id; `q` looks in name and subject."""
        words, after = visit.query.get("q", "").strip().lower(), visit.query_id("after") or 0
        found = list(await self._templates.page(visit.workspace_id, after=after, limit=PAGE + 1))
        shown = [one for one in found[:PAGE] if words in f"{one.name} {one.subject}".lower()]
        return visit.show(
            "templates.html", screen="templates", templates=shown, asked=visit.query.get("q", ""),
            more=f"/templates?{urlencode({'after': found[PAGE - 1].id, 'q': words})}" if len(found) > PAGE else "",
            done=DONE.get(visit.query.get("done", ""), ""),
        )  # fmt: skip

    async def show(self, visit: Visit, *, error: LettershopError | None = None) -> Response:
        """The form, filled with what is kept or with what was sent and refused."""
        kept = await self._kept(visit)
        values = (
            {name: getattr(kept, name) for name in FIELDS} if kept else {**dict.fromkeys(FIELDS, ""), "html": BEGINNING}
        )
        if error is not None:
            values = {name: visit.field(name) for name in FIELDS}
        filled = await self._filled(visit, kept) if kept and error is None else None
        return visit.show(
            "template.html", screen="templates", kept=kept, values=values, error=error, formats=FORMATS, longest=LONGEST,
            name=visit.field("name") if error else "", data=visit.query.get("data", "{}"),
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
            shown=None if isinstance(filled, LettershopError) else filled,
            unclear=filled if isinstance(filled, LettershopError) else None,
        )  # fmt: skip

    async def save(self, visit: Visit) -> Response:
        """Keep it; what does not parse is told beside the form."""
        kept = await self._kept(visit)
        content = {name: visit.field(name) for name in FIELDS}
        try:
            if any(len(value) > LONGEST for value in content.values()):
                raise Invalid("The message is too long.", remedy="Put pictures into the media library.")
            if kept is None:
                name = visit.field("name")
                if not name or len(name) > 200:
                    raise Invalid("A template has a name of at most 200 characters.")
                kept = await self._templates.create(visit.workspace_id, name, content)
            else:
                await self._templates.change(visit.workspace_id, kept.id, content)
        except LettershopError as error:
            return await self.show(visit, error=error)
        return visit.back_to(f"/templates/{kept.id}?done=saved")

    async def message(self, visit: Visit) -> Response:
        """The message alone: foreign HTML, without scripts and in an origin of its own."""
        filled = await self._filled(visit, await self._kept(visit))
        return framed("" if isinstance(filled, LettershopError) else filled.html)

    async def remove(self, visit: Visit) -> Response:
        """Delete it."""
        await self._templates.remove(visit.workspace_id, visit.path_id())
        return visit.back_to("/templates?done=removed")

    async def _kept(self, visit: Visit) -> Any:
        if "id" not in visit.request.path_params:
            return None
        return await self._templates.get(visit.workspace_id, visit.path_id())

    async def _filled(self, visit: Visit, kept: Any) -> Any:
        """The template with the values that were asked for, or why it cannot be filled in."""
        try:
            data = json.loads(visit.query.get("data", "") or "{}")
            if not isinstance(data, dict):
                raise Invalid("The values are an object: names and values in braces.")
            return await self._templates.preview(visit.workspace_id, kept.name, data)
        except ValueError:
            return Invalid("The values are not JSON.", remedy='Like {"name": "Ann"}.')
        except LettershopError as error:
            return error
