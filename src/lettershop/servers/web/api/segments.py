"""Segments: written in words, kept as a tree, always up to date; and the live count of one that is only written."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import JsonValue

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import (
    Cursor,
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
    words,
)
from lettershop.servers.web.api.moments import told_always
from lettershop.store.segments import SavedSegment

router = APIRouter(prefix="/segments", tags=["segments"])
Reader = Annotated[Caller, may("segments")]
Writer = Annotated[Caller, may("segments", write=True)]

Expression = Annotated[str, words(10_000)]


class NewSegment(Input):
    """A segment in words, such as `country = "DE" and opened in last 30 days`; empty for everyone."""

    name: Name
    expression: Expression


class ChangedSegment(Input):
    """The segment in new words."""

    expression: Expression


class Segment(Output):
    """A segment. `tree`: the same as JSON."""

    id: int
    name: str
    expression: str
    tree: dict[str, JsonValue]
    created_at: str


class Written(Input):
    """A segment in words, to be counted."""

    expression: Expression


class Count(Output):
    """How many are in it this moment."""

    count: int


@router.get("")
async def list_(caller: Reader, have: HaveMarketing, cursor: Cursor = None, limit: Limit = 50) -> Page[Segment]:
    """The saved segments, oldest first."""
    found = await have.people.segments(caller.workspace_id, after=place(cursor), limit=limit)
    return page_of(Segment, found, limit, lambda row: _segment(have, row))


def _segment(have: HaveMarketing, row: SavedSegment) -> Segment:
    expression = have.segment_words(row.tree)
    return Segment(
        id=row.id, name=row.name, expression=expression, tree=row.tree, created_at=told_always(row.created_at)
    )


@router.post("", status_code=201)
async def create(caller: Writer, have: HaveMarketing, new: NewSegment) -> Segment:
    """Save a segment."""
    return _segment(have, await have.people.save_segment(caller.workspace_id, new.name, new.expression))


@router.post("/count")
async def count(caller: Reader, have: HaveMarketing, written: Written) -> Count:
    """Count a segment without saving it."""
    return Count(count=await have.people.count(caller.workspace_id, written.expression))


@router.get("/{segment_id:int}")
async def get(caller: Reader, have: HaveMarketing, segment_id: Id) -> Segment:
    """One segment."""
    return _segment(have, await have.people.segment(caller.workspace_id, segment_id))


@router.get("/{segment_id:int}/count")
async def count_saved(caller: Reader, have: HaveMarketing, segment_id: Id) -> Count:
    """How many are in it this moment."""
    found = await have.people.segment(caller.workspace_id, segment_id)
    return Count(count=await have.people.count(caller.workspace_id, have.segment_words(found.tree)))


@router.patch("/{segment_id:int}")
async def change(caller: Writer, have: HaveMarketing, segment_id: Id, changed: ChangedSegment) -> Segment:
    """Write a segment anew; campaigns that are being sent keep the old one."""
    return _segment(have, await have.people.change_segment(caller.workspace_id, segment_id, changed.expression))


@router.delete("/{segment_id:int}", status_code=204)
async def remove(caller: Writer, have: HaveMarketing, segment_id: Id) -> None:
    """Forget a segment."""
    await have.people.remove_segment(caller.workspace_id, segment_id)
