"""Imports of people: a file looked at, taken in by the scheduler, watched, its refused rows fetched, undone as a whole.

The file is the body of the request, as it is: CSV, also gzip. What it is told stands in the query.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Response
from pydantic import BeforeValidator

from lettershop.base.errors import Invalid
from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import (
    Cursor,
    HaveMarketing,
    Id,
    Limit,
    Output,
    Page,
    may,
    place,
    whole_number,
    words,
)
from lettershop.servers.web.api.moments import told, told_always

router = APIRouter(prefix="/imports", tags=["imports"])
Reader = Annotated[Caller, may("imports")]
Writer = Annotated[Caller, may("imports", write=True)]
File = Annotated[
    bytes, Body(media_type="application/octet-stream", description="CSV in any usual encoding, also gzip.")
]
Columns = Annotated[
    list[Annotated[str, words(100)]],
    Query(description="HEADING=TARGET: email, name, tags, an attribute, or - to leave it out.", max_length=30),
]


class Column(Output):
    """A column: its heading, what it is taken for, the attribute's kind, some cells."""

    heading: str
    target: str
    kind: str
    samples: list[str]


class Refused(Output):
    """A row that would be refused, and why."""

    line: int
    reason: str


class Preview(Output):
    """What an import would make of the first rows."""

    encoding: str
    delimiter: str
    columns: list[Column]
    rows: int
    good: int
    refused: list[Refused]


class Import(Output):
    """An import and how far it is. `read` of `size` bytes; `state`: uploaded, waiting, running, done, failed, undoing, undone."""

    id: int
    state: str
    file_name: str
    list_id: int | None
    basis: str
    by: str
    started_at: str
    finished_at: str | None
    size: int
    read: int
    rows: int
    created: int
    updated: int
    joined: int
    refused: int
    error: str


@router.post("/preview")
async def preview(caller: Writer, have: HaveMarketing, file: File = b"", column: Columns = []) -> Preview:  # noqa: B006
    """What an import would make of the first thousand rows. Nothing is written."""
    return Preview.model_validate(await have.imports.look_at(caller.workspace_id, file, columns_of(column)))


@router.post("", status_code=202)
async def begin(
    caller: Writer,
    have: HaveMarketing,
    basis: Annotated[
        str,
        Query(
            description="On what ground these people may be written to.",
            min_length=1,
            max_length=200,
            pattern=r"^[^\x00]*$",
        ),
    ],
    file: File = b"",
    list: Annotated[str, Query(description="The list to join, by name.", max_length=200, pattern=r"^[^\x00]*$")] = "",
    file_name: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "upload.csv",
    consent: Annotated[Literal["express", "implied"], Query()] = "express",
    expires_days: Annotated[
        int | None,
        Query(ge=1, le=36_500, description="When the consent ends; implied consent: after 730."),
        BeforeValidator(whole_number),
    ] = None,
    rule: Annotated[
        Literal["add", "update", "overwrite"], Query(description="Of people who are there already.")
    ] = "update",
    column: Columns = [],  # noqa: B006
) -> Import:
    """Hand a file over; it is taken in by and by."""
    options = have.import_options(
        list_name=list, basis=basis, kind=consent, expires_days=expires_days, rule=rule, columns=columns_of(column)
    )
    job = await have.imports.upload(caller.workspace_id, file, options, file_name=file_name, by=caller.name)
    return _told(job)


@router.get("")
async def imports(caller: Reader, have: HaveMarketing, cursor: Cursor = None, limit: Limit = 50) -> Page[Import]:
    """The imports, newest first."""
    before = place(cursor) if cursor else None
    found = await have.imports.page(caller.workspace_id, before=before, limit=limit)
    last = f"c{found[-1].id}" if len(found) == limit else None
    return Page[Import](items=[_told(job) for job in found], next_cursor=last)


@router.get("/{import_id:int}")
async def one(caller: Reader, have: HaveMarketing, import_id: Id) -> Import:
    """How far it is."""
    return _told(await have.imports.get(caller.workspace_id, import_id))


@router.get(
    "/{import_id:int}/rejected",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The refused rows."}},
)
async def rejected(caller: Reader, have: HaveMarketing, import_id: Id) -> Response:
    """The refused rows as a file: line, reason, then the row as it was. Empty if none was refused."""
    content = await have.imports.rejected(caller.workspace_id, import_id)
    return Response(content, media_type="text/csv; charset=utf-8")


@router.post("/{import_id:int}/undo", status_code=202)
async def undo(caller: Writer, have: HaveMarketing, import_id: Id) -> Import:
    """Take the whole import back, by and by: who came with it and was never written to goes, who was changed is as before."""
    await have.imports.undo(caller.workspace_id, import_id, wait=False)
    return _told(await have.imports.get(caller.workspace_id, import_id))


def _told(job: Any) -> Import:
    names = set(Import.model_fields) - {"started_at", "finished_at", "read"}
    return Import(
        **{name: getattr(job, name) for name in names},
        read=job.position, started_at=told_always(job.started_at), finished_at=told(job.finished_at),
    )  # fmt: skip


def columns_of(said: list[str]) -> dict[str, str]:
    """HEADING=TARGET by heading; raises Invalid."""
    found = {}
    for entry in said:
        heading, equals, target = entry.rpartition("=")
        if not equals:
            raise Invalid("A column is told as HEADING=TARGET.", code="import-column")
        found[heading] = target
    return found
