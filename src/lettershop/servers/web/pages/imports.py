"""People from a file: uploaded, its columns named beside what would become of them, taken in with progress, undone.

    POST /imports (the file, streamed to the disk) > /imports/{id}: columns, list, basis; posted to …/look it is shown
    anew, to …/begin it is handed to the scheduler > the same address then tells how far it is, and can be left

The rules are in `marketing.uploads` and `marketing.contacts`. Every question is a page or a popover: none needs script.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Services
from lettershop.servers.web.ports_writing import Imports, Uploading

UPLOADS = "/imports"
PAGE = 25
MOVING = ("waiting", "running", "undoing")
UNDOABLE = ("done", "failed", "running", "waiting")
WAYS = {
    "email": "The address", "name": "The name", "tags": "Tags", "attribute": "An attribute", "-": "Leave it out",
}  # fmt: skip
RULES = {
    "update": "Write what the file has", "add": "Leave them as they are", "overwrite": "Also clear what is empty in the file",
}  # fmt: skip
ODD = {
    "typo": "Mistyped well-known domains", "disposable": "Throw-away mailboxes", "role": "Roles such as info@",
    "no-mx": "Domains without a mail server",
}  # fmt: skip
DONE = {
    "begun": "The import has begun. You may leave this page; it goes on.", "dropped": "The file is removed; nobody was taken in.",
    "undoing": "The import is being taken back.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A column on the form: where the file's heading and samples meet what was chosen."""

    number: int
    heading: Any
    way: str
    attribute: str


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/imports`, `/imports/{id}` and their commands. Found under Contacts."""
    if services.uploads is None or services.imports is None:
        return None
    desk = ImportPages(services, services.uploads, services.imports)
    one, write = f"{UPLOADS}/{{id:int}}", "contacts.write"
    routes = [
        Route(UPLOADS, ui.page(write, desk.index)),
        Route(UPLOADS, ui.page(write, desk.upload), methods=["POST"]),
        Route(one, ui.page(write, desk.show)),
        Route(f"{one}/look", ui.page(write, desk.look), methods=["POST"]),
        Route(f"{one}/begin", ui.page(write, desk.begin), methods=["POST"]),
        Route(f"{one}/drop", ui.page(write, desk.drop), methods=["POST"]),
        Route(f"{one}/undo", ui.page(write, desk.undo), methods=["POST"]),
        Route(f"{one}/rejected.csv", ui.page(write, desk.rejected)),
    ]
    return Screen("imports", routes)


class ImportPages:
    """The imports of a workspace and one of them."""

    def __init__(self, services: Services, uploads: Uploading, imports: Imports) -> None:
        self._services = services
        self._uploads = uploads
        self._imports = imports

    async def index(self, visit: Visit) -> Response:
        """The form for a file, and the imports, newest first."""
        return await self._index(visit)

    async def upload(self, visit: Visit) -> Response:
        """Keep a file; then its columns are asked for."""
        file = visit.file("file")
        try:
            if file is None:
                raise Invalid("No file was chosen.")
            name = (file.filename or "").replace("\0", "")[:200]
            kept = await self._uploads.keep(visit.workspace_id, file.file, file_name=name, by=visit.who.email)
        except LettershopError as error:
            return await self._index(visit, error=error)
        finally:
            if file is not None:
                await file.close()
        return visit.back_to(f"{UPLOADS}/{kept.id}")

    async def show(self, visit: Visit) -> Response:
        """The form while it waits; how far it is from then on."""
        job = await self._imports.get(visit.workspace_id, visit.path_id())
        if job.state == "uploaded":
            return await self._form(visit)
        return visit.show(
            "import.html", screen="contacts", job=job, moving=job.state in MOVING, undoable=job.state in UNDOABLE,
            unchanged=job.taken - job.created - job.updated, done=_done(visit), list_name=await self._list_of(visit, job),
        )  # fmt: skip

    async def look(self, visit: Visit) -> Response:
        """The form with what is chosen, and what would become of the first rows."""
        return await self._form(visit)

    async def begin(self, visit: Visit) -> Response:
        """Hand it over."""
        import_id = visit.path_id()
        try:
            places = await self._places(visit)
            await self._uploads.begin(visit.workspace_id, import_id, self._options(visit, columns_of(places)))
        except LettershopError as error:
            return await self._form(visit, error=error)
        return visit.back_to(f"{UPLOADS}/{import_id}?done=begun")

    async def drop(self, visit: Visit) -> Response:
        """Throw the file away."""
        await self._uploads.drop(visit.workspace_id, visit.path_id())
        return visit.back_to(f"{UPLOADS}?done=dropped")

    async def undo(self, visit: Visit) -> Response:
        """Take the whole import back, by and by."""
        await self._imports.undo(visit.workspace_id, visit.path_id(), wait=False)
        return visit.back_to(f"{UPLOADS}/{visit.path_id()}?done=undoing")

    async def rejected(self, visit: Visit) -> Response:
        """The refused rows with their reasons, as a file."""
        content = await self._imports.rejected(visit.workspace_id, visit.path_id())
        headers = {"content-disposition": f'attachment; filename="import-{visit.path_id()}-refused.csv"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    async def _index(self, visit: Visit, *, error: LettershopError | None = None) -> Response:
        before = visit.query_id("before")
        jobs = await self._imports.page(visit.workspace_id, before=before, limit=PAGE + 1)
        return visit.show(
            "imports.html", screen="contacts", jobs=jobs[:PAGE], first=UPLOADS if before else "",
            more=f"{UPLOADS}?before={jobs[PAGE - 1].id}" if len(jobs) > PAGE else "", error=error, done=_done(visit),
            moving=any(job.state in MOVING for job in jobs), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def _form(self, visit: Visit, *, error: LettershopError | None = None) -> Response:
        job = await self._imports.get(visit.workspace_id, visit.path_id())
        places, preview, unclear = await self._places(visit), None, None
        try:
            preview = await self._uploads.look(visit.workspace_id, job.id, columns_of(places))
        except Invalid as not_understood:
            unclear = not_understood
        lists = await self._services.lists.lists(visit.workspace_id, limit=200) if self._services.lists else []
        return visit.show(
            "import_form.html", screen="contacts", job=job, places=places, preview=preview, unclear=unclear,
            lists=[one.name for one in lists], ways=WAYS, rules=RULES, odd=ODD, error=error,
            chosen={name: visit.field(name) for name in ("list_name", "basis", "kind", "expires", "rule", "tags")},
            refuse=_several(visit, "refuse"), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def _places(self, visit: Visit) -> list[Place]:
        """The columns of the file with what was chosen for them, or what they would be taken for."""
        headings = await self._uploads.headings(visit.workspace_id, visit.path_id())
        usual = [one.guess if one.guess in WAYS else "attribute" for one in headings]
        return [
            Place(
                number, heading, visit.field(f"way-{number}") if visit.field(f"way-{number}") in WAYS else way,
                visit.field(f"attribute-{number}") or (heading.guess if way == "attribute" else ""),
            )
            for number, (heading, way) in enumerate(zip(headings, usual, strict=True), 1)
        ]  # fmt: skip

    def _options(self, visit: Visit, columns: dict[str, str]) -> Any:
        assert self._services.import_options is not None
        days = visit.field("expires")
        if days and positive(days) is None:
            raise Invalid("The number of days is a number.")
        return self._services.import_options(
            list_name=visit.field("list_name"), basis=visit.field("basis"), kind=visit.field("kind") or "express",
            expires_days=positive(days), rule=visit.field("rule") or "update", columns=columns,
            tags=tuple(word.strip() for word in visit.field("tags").split(",") if word.strip()),
            refuse=tuple(_several(visit, "refuse")),
        )  # fmt: skip

    async def _list_of(self, visit: Visit, job: Any) -> str:
        if job.list_id is None or self._services.lists is None:
            return ""
        found = await self._services.lists.lists(visit.workspace_id, after=job.list_id - 1, limit=1)
        return found[0].name if found and found[0].id == job.list_id else ""


def columns_of(places: Sequence[Place]) -> dict[str, str]:
    """What is told of columns: those that are to be something else than their heading says. Raises Invalid."""
    if [place.way for place in places].count("email") > 1:
        raise Invalid("Two columns are the address.", remedy="Choose one.")
    told = {}
    for place in places:
        target = place.attribute if place.way == "attribute" else place.way
        if target != place.heading.guess:
            told[place.heading.key] = target
    return told


def _several(visit: Visit, name: str) -> list[str]:
    return [value for value in visit.form.getlist(name) if isinstance(value, str) and value in ODD]


def _done(visit: Visit) -> str:
    return DONE.get(visit.query.get("done", ""), "")
