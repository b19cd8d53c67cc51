"""Segments: the saved ones, and one as it is written, with how many are in it now. The rules are in `marketing.segment_desk`.

The editor posts itself to `/segments/preview` while somebody writes (htmx takes `#found` of the answer) and when the
button “Count” is pressed without script; nothing is saved by that.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Segments, Services

if TYPE_CHECKING:
    from lettershop.marketing.segment_desk import Segment

PAGE = 50
LONGEST = 10_000
DONE = {"saved": "The segment is saved.", "removed": "The segment is removed; the people in it stay."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/segments`, `/segments/new`, `/segments/{id}` and their commands."""
    segments = services.segments
    if segments is None:
        return None
    desk = SegmentPages(segments)
    routes = [
        Route("/segments", ui.page("contacts.read", desk.index), name="segments"),
        Route("/segments/new", ui.page("contacts.write", desk.new)),
        Route("/segments/preview", ui.page("contacts.read", desk.preview), methods=["POST"]),
        Route("/segments/save", ui.page("contacts.write", desk.save), methods=["POST"]),
        Route("/segments/{id:int}", ui.page("contacts.read", desk.show), name="segment"),
        Route("/segments/{id:int}/remove", ui.page("contacts.write", desk.remove), methods=["POST"]),
    ]
    return Screen("segments", routes, "Segments", "/segments", "segments", "Marketing", "contacts.read")


class SegmentPages:
    """The pages of the saved segments and the editor."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    async def index(self, visit: Visit) -> Response:
        """The saved segments, oldest first."""
        return await self._index(visit)

    async def new(self, visit: Visit) -> Response:
        """An empty editor."""
        return await self._editor(visit)

    async def preview(self, visit: Visit) -> Response:
        """The editor with what is written, counted. Words that are not finished are no error of the request."""
        return await self._editor(visit, segment_id=_edited(visit), name=visit.field("name"), words=_words(visit))

    async def save(self, visit: Visit) -> Response:
        """Keep what is written, as a new segment or in place of the one that was edited."""
        edited, name, words = _edited(visit), visit.field("name"), _words(visit)
        try:
            kept = await self._keep(visit.workspace_id, edited, name, words)
        except LettershopError as error:
            return await self._editor(visit, segment_id=edited, name=name, words=words, error=error)
        return visit.back_to(f"/segments/{kept.id}?done=saved")

    async def show(self, visit: Visit) -> Response:
        """A saved segment in the editor, and who is in it."""
        workspace, found_id = visit.workspace_id, visit.path_id()
        segment = await self._segments.get(workspace, found_id)
        query, after = visit.query.get("q", "")[:200].strip(), visit.query_id("after") or 0
        found = await self._segments.members(workspace, found_id, search=query, after=after, limit=PAGE + 1)
        here, last = f"/segments/{found_id}", found[:PAGE][-1].id if found else 0
        return await self._editor(
            visit, segment_id=found_id, name=segment.name, words=segment.words, members=found[:PAGE], search=query,
            first=f"{here}?{urlencode({'q': query})}" if after else "",
            more=f"{here}?{urlencode({'q': query, 'after': last})}" if len(found) > PAGE else "",
        )  # fmt: skip

    async def remove(self, visit: Visit) -> Response:
        """Forget it; where another segment needs it, the list says so."""
        try:
            await self._segments.remove(visit.workspace_id, visit.path_id())
        except LettershopError as error:
            return await self._index(visit, error=error)
        return visit.back_to("/segments?done=removed")

    async def _keep(self, workspace: int, edited: int | None, name: str, words: str) -> "Segment":
        if edited is None:
            return await self._segments.create(workspace, name, words)
        return await self._segments.change(workspace, edited, name=name, expression=words)

    async def _index(self, visit: Visit, *, error: LettershopError | None = None) -> Response:
        after = visit.query_id("after") or 0
        found = await self._segments.page(visit.workspace_id, after=after, limit=PAGE + 1)
        return visit.show(
            "segments.html", screen="segments", segments=found[:PAGE], first="/segments" if after else "",
            more=f"/segments?after={found[PAGE - 1].id}" if len(found) > PAGE else "", error=error, done=_done(visit),
            status=status_of(error) if error else 200,
        )  # fmt: skip

    async def _editor(
        self, visit: Visit, *, segment_id: int | None = None, name: str = "", words: str = "",
        error: LettershopError | None = None, **shown: Any,
    ) -> Response:  # fmt: skip
        found, unclear = None, None
        try:
            found = await self._segments.preview(visit.workspace_id, words)
        except Invalid as not_understood:
            unclear = not_understood
        rest = {"members": None, "search": "", "first": "", "more": "", **shown}
        return visit.show(
            "segment.html", screen="segments", segment_id=segment_id, name=name, words=words, longest=LONGEST,
            found=found, unclear=unclear, error=error, done=_done(visit),
            status=status_of(error) if error else 200, **rest,
        )  # fmt: skip


def _edited(visit: Visit) -> int | None:
    return positive(visit.field("segment"))


def _words(visit: Visit) -> str:
    words = visit.field("words")
    if len(words) > LONGEST:
        raise Invalid(f"A segment is written in at most {LONGEST:,} characters.")
    return words


def _done(visit: Visit) -> str:
    return DONE.get(visit.query.get("done", ""), "")
