"""Templates: kept under a name, for transactional messages and campaigns."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import (
    Cursor,
    Document,
    Format,
    HaveMarketing,
    Id,
    Input,
    Limit,
    Name,
    Output,
    Page,
    Variants,
    may,
    page_of,
    place,
    variants_of,
    words,
)
from lettershop.servers.web.api.moments import told_always
from lettershop.store.templates import Template as Row

router = APIRouter(prefix="/templates", tags=["templates"])
Reader = Annotated[Caller, may("templates")]
Writer = Annotated[Caller, may("templates", write=True)]


class NewTemplate(Input):
    """A template to keep. Fields are written `{{ name | default('you') }}`; loops and conditions as in Jinja.

    `{% include "name" %}` puts in a block, `layout` stands round the body, `variants` are what differs in other languages.
    """

    name: Name
    subject: Annotated[str, words(998)] = ""
    html: Document = ""
    text: Document = ""
    format: Format = "html"
    layout: Annotated[str, words(200)] = ""
    variants: Variants = Field(default_factory=dict)


class ChangedTemplate(Input):
    """What to change; what is not named stays."""

    subject: Annotated[str, words(998)] | None = None
    html: Document | None = None
    text: Document | None = None
    format: Format | None = None
    layout: Annotated[str, words(200)] | None = None
    variants: Variants | None = None


class Template(Output):
    """A template."""

    id: int
    name: str
    subject: str
    html: str
    text: str
    format: str
    layout: str
    variants: dict[str, dict[str, str]]
    created_at: str
    updated_at: str


def _template(row: Row) -> Template:
    same = {
        name: getattr(row, name) for name in ("id", "name", "subject", "html", "text", "format", "layout", "variants")
    }
    return Template(**same, created_at=told_always(row.created_at), updated_at=told_always(row.updated_at))


@router.get("")
async def list_(caller: Reader, have: HaveMarketing, cursor: Cursor = None, limit: Limit = 50) -> Page[Template]:
    """The templates, oldest first."""
    found = await have.templates.page(caller.workspace_id, after=place(cursor), limit=limit)
    return page_of(Template, found, limit, _template)


@router.post("", status_code=201)
async def create(caller: Writer, have: HaveMarketing, new: NewTemplate) -> Template:
    """Keep a template; one that does not parse is refused."""
    content = new.model_dump(exclude={"name"}) | variants_of(new)
    return _template(await have.templates.create(caller.workspace_id, new.name, content))


@router.get("/{template_id:int}")
async def get(caller: Reader, have: HaveMarketing, template_id: Id) -> Template:
    """One template."""
    return _template(await have.templates.get(caller.workspace_id, template_id))


@router.patch("/{template_id:int}")
async def change(caller: Writer, have: HaveMarketing, template_id: Id, changed: ChangedTemplate) -> Template:
    """Change a template; what was sent with it stays as it was."""
    content = changed.model_dump(exclude_none=True) | variants_of(changed)
    return _template(await have.templates.change(caller.workspace_id, template_id, content))


@router.delete("/{template_id:int}", status_code=204)
async def remove(caller: Writer, have: HaveMarketing, template_id: Id) -> None:
    """Delete a template."""
    await have.templates.remove(caller.workspace_id, template_id)
