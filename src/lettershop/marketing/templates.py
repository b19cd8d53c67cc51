"""Templates: kept under a name, checked when they are kept, filled in for one message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from html import escape
from typing import Any

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, NotFound
from lettershop.marketing.assembly import Block, Body, assemble
from lettershop.marketing.blocks import blocks_of
from lettershop.marketing.languages import check_variants, spoken
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

    Content is `subject`, `html`, `text`, `format` (of html), `layout` and `variants`; raises TemplateInvalid where it does not
    parse with its layout and blocks.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def create(self, workspace_id: int, name: str, content: Mapping[str, Any]) -> Template:
        """Keep a template; raises TemplateKnown."""
        check(Wording.of(content), await self._db.read(blocks_of, workspace_id))
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

    async def wording(self, workspace_id: int, name: str, language: str = "") -> "Wording":
        """The template of that name in a language, its layout and blocks put in; raises NoSuchTemplate, TemplateInvalid."""
        found = await self.named(workspace_id, name)
        chosen = Wording.of({field.name: getattr(found, field.name) for field in fields(Wording)})
        return _whole(chosen.speaking(language), await self._db.read(blocks_of, workspace_id))

    async def preview(self, workspace_id: int, name: str, values: Mapping[str, Any]) -> "Wording":
        """The template with these values in their places; raises NoSuchTemplate, TemplateInvalid where one is missing."""
        found = await self.wording(workspace_id, name)
        return replace(
            found, subject=" ".join(fill(found.subject, values, html=False).split()),
            html=fill(found.html, values, html=True), text=fill(found.text, values, html=False),
        )  # fmt: skip

    async def change(self, workspace_id: int, template_id: int, content: Mapping[str, Any]) -> Template:
        """Replace some of its content."""
        before = await self.get(workspace_id, template_id)
        same = {field.name: getattr(before, field.name) for field in fields(Wording)}
        check(Wording.of({**same, **content}), await self._db.read(blocks_of, workspace_id))
        await self._db.write(rows.change, template_id, self._clock.now(), **content)
        return await self.get(workspace_id, template_id)

    async def remove(self, workspace_id: int, template_id: int) -> None:
        """Delete it."""
        await self.get(workspace_id, template_id)
        await self._db.write(rows.remove, template_id)


@dataclass(frozen=True, slots=True)
class Wording:
    """What a template says."""

    subject: str = ""
    html: str = ""
    text: str = ""
    format: str = "html"
    layout: str = ""
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Wording":
        """From the fields of a template."""
        return cls(**content)

    def speaking(self, language: str) -> "Wording":
        """The variant in a language; itself if there is none."""
        parts = spoken({tag.lower(): one for tag, one in self.variants.items()}, language)
        if parts is None:
            return self
        given: dict[str, Any] = {name: value for name, value in parts.items() if value and name != "preheader"}
        text = {"text": ""} if "html" in given else {}
        return replace(self, variants={}, **{**text, **given})


def _whole(wording: Wording, blocks: Mapping[str, Block]) -> Wording:
    body = assemble(Body(wording.html, wording.text, wording.format), blocks, wording.layout)
    return replace(wording, html=as_html(body.html, body.format), text=body.text, format="html", layout="")


def check(wording: Wording, blocks: Mapping[str, Block]) -> None:
    """Raises TemplateInvalid or LanguageInvalid if any part does not parse."""
    if wording.format not in FORMATS:
        raise TemplateInvalid(f"There is no format {wording.format!r}.", remedy=f"There are {', '.join(FORMATS)}.")
    check_variants(wording.variants)
    for one in (wording, *[wording.speaking(tag) for tag in wording.variants]):
        whole = _whole(one, blocks)
        for source in (whole.subject, whole.text, whole.html):
            general(pieces(source))


def fill(source: str, values: Mapping[str, Any], *, html: bool) -> str:
    """The source with the values in their places, escaped in HTML; raises TemplateInvalid."""
    parts = pieces(source)
    if not any(isinstance(part, Output) or not isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    written: Callable[[str], str] = escape if html else str
    texts = chunks(general(parts)(values))
    return "".join([written(text) if index % 2 else text for index, text in enumerate(texts)])
