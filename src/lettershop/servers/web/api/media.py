"""The media library: pictures and files, uploaded as they are, served to everybody under their address."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import Cursor, HaveMarketing, Id, Limit, Output, Page, may, place
from lettershop.servers.web.api.moments import told_always

router = APIRouter(prefix="/media", tags=["media"])
Reader = Annotated[Caller, may("media")]
Writer = Annotated[Caller, may("media", write=True)]
File = Annotated[bytes, Body(media_type="application/octet-stream", description="The file, at most 10 MB.")]


class Medium(Output):
    """A picture or a file. `hash` is SHA-256 of its bytes; width and height are 0 for what is no picture."""

    id: int
    name: str
    url: str
    content_type: str
    size: int
    width: int
    height: int
    hash: str
    created_at: str


def _medium(have: Any, row: Any) -> Medium:
    same = {name: getattr(row, name) for name in ("id", "name", "content_type", "size", "width", "height", "hash")}
    return Medium(**same, url=have.media.url(row), created_at=told_always(row.created_at))


@router.post("", status_code=201)
async def upload(
    caller: Writer, have: HaveMarketing,
    name: Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="Its file name.")],
    file: File = b"",
) -> Medium:  # fmt: skip
    """Keep a file. What it is is told from its bytes; SVG and HTML are refused. The same bytes again are the same medium."""
    return _medium(have, await have.media.upload(caller.workspace_id, name, file))


@router.get("")
async def list_(caller: Reader, have: HaveMarketing, cursor: Cursor = None, limit: Limit = 50) -> Page[Medium]:
    """The newest first."""
    found = await have.media.page(caller.workspace_id, before=place(cursor) if cursor else None, limit=limit)
    last = f"c{found[-1].id}" if len(found) == limit else None
    return Page[Medium](items=[_medium(have, row) for row in found], next_cursor=last)


@router.get("/{medium_id:int}")
async def get(caller: Reader, have: HaveMarketing, medium_id: Id) -> Medium:
    """One of them."""
    return _medium(have, await have.media.get(caller.workspace_id, medium_id))


@router.delete("/{medium_id:int}", status_code=204)
async def remove(caller: Writer, have: HaveMarketing, medium_id: Id) -> None:
    """Take it out: its address leads nowhere any more, also in mail that was sent."""
    await have.media.remove(caller.workspace_id, medium_id)
