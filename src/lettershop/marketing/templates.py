"""Templates: kept under a name, checked when they are kept, filled in for one message."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, NotFound
from lettershop.marketing.markup import FORMATS, as_html
from lettershop.marketing.template import Output, TemplateInvalid, chunks, general, pieces
from lettershop.store import templates as rows
from lettershop.store.database import Database
from lettershop.store.templates import Template


class NoSuchTemplate(NotFound):
    """There is no such template."""

    code = "no-such-template"


class TemplateKnown(Conflict):
    """The name is taken."""

    code = "template-known"


class Templates:
    """One object per process.

    Content is `subject`, `html`, `text` and `format` (of html); raises TemplateInvalid where it does not parse.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def create(self, workspace_id: int, name: str, content: Mapping[str, str]) -> Template:
        """Keep a template; raises TemplateKnown."""
        check(content)
        made = await self._db.write(rows.add, workspace_id, name, self._clock.now(), **content)
        if made is None:
            raise TemplateKnown(f"There is a template {name!r} already.")
        return made

    async def get(self, workspace_id: int, template_id: int) -> Template:
        """One template; raises NoSuchTemplate."""
        found = await self._db.read(rows.by_id, workspace_id, template_id)
        if found is None:
            raise NoSuchTemplate(f"There is no template {template_id}.")
        return found

    async def named(self, workspace_id: int, name: str) -> Template:
        """The template of that name; raises NoSuchTemplate."""
        found = await self._db.read(rows.by_name, workspace_id, name)
        if found is None:
            raise NoSuchTemplate(f"There is no template {name!r}.")
        return found

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> Sequence[Template]:
        """The templates, by id."""
        return await self._db.read(rows.page, workspace_id, after=after, limit=limit)

    async def change(self, workspace_id: int, template_id: int, content: Mapping[str, str]) -> Template:
        """Replace some of its content."""
        check(content, (await self.get(workspace_id, template_id)))
        await self._db.write(rows.change, template_id, self._clock.now(), **content)
        return await self.get(workspace_id, template_id)

    async def remove(self, workspace_id: int, template_id: int) -> None:
        """Delete it."""
        await self.get(workspace_id, template_id)
        await self._db.write(rows.remove, template_id)


def check(content: Mapping[str, str], before: Template | None = None) -> None:
    """Raises TemplateInvalid if any part does not parse; what is not named stays as it was `before`."""
    written_in = content.get("format") or (before.format if before else "html")
    if written_in not in FORMATS:
        raise TemplateInvalid(f"There is no format {written_in!r}.", remedy=f"There are {', '.join(FORMATS)}.")
    page = content.get("html", before.html if before else "")
    for source in (content.get("subject", ""), content.get("text", ""), as_html(page, written_in)):
        general(pieces(source))


def fill(source: str, values: Mapping[str, Any], *, html: bool) -> str:
    """The source with the values in their places, escaped in HTML; raises TemplateInvalid."""
    parts = pieces(source)
    if not any(isinstance(part, Output) or not isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    written: Callable[[str], str] = escape if html else str
    texts = chunks(general(parts)(values))
    return "".join([written(text) if index % 2 else text for index, text in enumerate(texts)])
