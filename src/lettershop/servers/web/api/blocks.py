"""Layouts and blocks: content that campaigns and templates share."""

from typing import Annotated

from fastapi import APIRouter

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
    may,
    page_of,
    place,
)
from lettershop.servers.web.api.moments import told_always
from lettershop.store.blocks import BlockRow

router = APIRouter(prefix="/blocks", tags=["templates"])
Reader = Annotated[Caller, may("templates")]
Writer = Annotated[Caller, may("templates", write=True)]


class NewBlock(Input):
    """A block, put in by `{% include "name" %}`; or a layout, round bodies, which stand at its `{{ content }}`.

    `text` is what it is in the text parts that are written; those that are made from the HTML need none.
    """

    name: Name
    layout: bool = False
    html: Document = ""
    text: Document = ""
    format: Format = "html"


class ChangedBlock(Input):
    """What to change; what is not named stays."""

    layout: bool | None = None
    html: Document | None = None
    text: Document | None = None
    format: Format | None = None


class Block(Output):
    """A layout or a block."""

    id: int
    name: str
    layout: bool
    html: str
    text: str
    format: str
    created_at: str
    updated_at: str


def _block(row: BlockRow) -> Block:
    same = {name: getattr(row, name) for name in ("id", "name", "layout", "html", "text", "format")}
    return Block(**same, created_at=told_always(row.created_at), updated_at=told_always(row.updated_at))


@router.get("")
async def list_(caller: Reader, have: HaveMarketing, cursor: Cursor = None, limit: Limit = 50) -> Page[Block]:
    """Layouts and blocks, oldest first."""
    return page_of(Block, await have.blocks.page(caller.workspace_id, after=place(cursor), limit=limit), limit, _block)


@router.post("", status_code=201)
async def create(caller: Writer, have: HaveMarketing, new: NewBlock) -> Block:
    """Keep one; what does not parse is refused."""
    return _block(await have.blocks.create(caller.workspace_id, new.name, new.model_dump(exclude={"name"})))


@router.get("/{block_id:int}")
async def get(caller: Reader, have: HaveMarketing, block_id: Id) -> Block:
    """One of them."""
    return _block(await have.blocks.get(caller.workspace_id, block_id))


@router.patch("/{block_id:int}")
async def change(caller: Writer, have: HaveMarketing, block_id: Id, changed: ChangedBlock) -> Block:
    """Change it: drafts that use it change with it, campaigns that have started do not."""
    return _block(await have.blocks.change(caller.workspace_id, block_id, changed.model_dump(exclude_none=True)))


@router.delete("/{block_id:int}", status_code=204)
async def remove(caller: Writer, have: HaveMarketing, block_id: Id) -> None:
    """Delete it; the check names the drafts that miss it."""
    await have.blocks.remove(caller.workspace_id, block_id)
