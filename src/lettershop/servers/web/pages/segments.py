"""Segments: the saved ones, and one as it is written, with how many are in it now. The rules are in `marketing.segment_desk`.

A segment is put together by clicks (`servers.web.builder`) or written in words; one that says more than the form can stays
in words. The editor posts itself to `/segments/preview` while somebody writes (htmx takes `#found` of the answer), when a
row is added or its field is another one (htmx takes `#builder`), and when a button is pressed without script; nothing is
saved by that.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.servers.web.builder import (
    DEEDS,
    NEW,
    NO_VALUE,
    OPERATORS,
    OWN,
    Group,
    act,
    group_of,
    kind_of,
    read,
    tree_of,
    written,
)
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Segments, Services

if TYPE_CHECKING:
    from lettershop.marketing.segment_desk import Segment

PAGE = 50
CLICKS, WORDS = "clicks", "words"
JOINED = {"all": "all of these", "any": "any of these", "none": "none of these"}
ABOUT = {
    "opened": "Opened", "clicked": "Clicked", "replied": "Replied", "wrote": "Wrote to us", "delivered": "Got a campaign",
    "list": "A list", "segment": "Another segment", "tag": "A tag", "consent": "Consent", "tracking": "Tracking", "created": "Known to us",
}  # fmt: skip
COLUMN_WORDS = {"email": "Address", "name": "Name", "domain": "Domain of the address"}
OPERATOR_WORDS = {
    "=": "is", "!=": "is not", "<": "is less than", "<=": "is at most", ">": "is more than", ">=": "is at least", "contains": "contains",
    "not contains": "does not contain", "starts": "begins with", "not starts": "does not begin with", "in": "is one of",
    "not in": "is none of",
    "set": "is known", "not set": "is not known", "yes": "is yes", "no": "is no", "has": "has", "not has": "has not",
    "last": "in the last days", "not last": "not in the last days", "next": "in the next days", "did": "did", "not did": "did not",
    "is": "is", "not is": "is not", "subscribed": "is on it", "not subscribed": "is not on it", "unsubscribed": "has left it",
    "pending": "has not confirmed it",
}  # fmt: skip
DATE_WORDS = {"=": "is", "<": "is before", "<=": "is not after", ">": "is after", ">=": "is not before"}
CONSENTS = {"express": "given expressly", "implied": "implied", "none": "none"}
WISHES = {"allowed": "allowed", "refused": "refused", "unknown": "not said"}
LONGEST = 10_000
DONE = {"saved": "The segment is saved.", "removed": "The segment is removed; the people in it stay."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/segments`, `/segments/new`, `/segments/{id}` and their commands."""
    segments = services.segments
    if segments is None:
        return None
    desk = SegmentPages(services, segments)
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

    def __init__(self, services: Services, segments: Segments) -> None:
        self._services = services
        self._segments = segments

    async def index(self, visit: Visit) -> Response:
        """The saved segments, oldest first."""
        return await self._index(visit)

    async def new(self, visit: Visit) -> Response:
        """An empty editor, by clicks; `?form=words`: in words."""
        by = WORDS if visit.query.get("form") == WORDS else CLICKS
        return await self._editor(visit, by=by, group=Group("all", (NEW,)) if by == CLICKS else None)

    async def preview(self, visit: Visit) -> Response:
        """The editor with what is written, counted. What is not finished is no error of the request."""
        name, kinds, button = visit.field("name"), await self._kinds(visit), visit.field("do")
        if visit.field("by") != CLICKS:
            words = _words(visit)
            by = CLICKS if button == CLICKS else WORDS
            return await self._editor(visit, segment_id=_edited(visit), name=name, words=words, by=by)
        group = act(read(visit.form, kinds), button)
        try:
            words = self._segments.forms(tree_of(group, kinds))[0]
        except Invalid as unclear:
            return await self._editor(visit, segment_id=_edited(visit), name=name, group=group, unclear=unclear)
        if button == WORDS:
            return await self._editor(visit, segment_id=_edited(visit), name=name, words=words, by=WORDS)
        return await self._editor(visit, segment_id=_edited(visit), name=name, words=words, group=group)

    async def save(self, visit: Visit) -> Response:
        """Keep what is put together or written, as a new segment or in place of the one that was edited."""
        edited, name, group, words = _edited(visit), visit.field("name"), None, ""
        try:
            if visit.field("by") == CLICKS:
                kinds = await self._kinds(visit)
                group = read(visit.form, kinds)
                words = self._segments.forms(tree_of(group, kinds))[0]
            else:
                words = _words(visit)
            kept = await self._keep(visit.workspace_id, edited, name, words)
        except LettershopError as error:
            by = WORDS if group is None else CLICKS
            return await self._editor(visit, segment_id=edited, name=name, words=words, error=error, by=by, group=group)
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
        self, visit: Visit, *, segment_id: int | None = None, name: str = "", words: str = "", by: str = CLICKS,
        group: Group | None = None, error: LettershopError | None = None, unclear: Invalid | None = None, **shown: Any,
    ) -> Response:  # fmt: skip
        kinds, found, beyond = await self._kinds(visit), None, False
        try:
            if by == CLICKS and group is None:
                group = self._group(words, kinds)
                beyond = group is None
            if unclear is None:
                found = await self._segments.preview(visit.workspace_id, words)
        except Invalid as not_understood:
            unclear = not_understood
        rest = {"members": None, "search": "", "first": "", "more": "", **shown}
        return visit.show(
            "segment.html", screen="segments", segment_id=segment_id, name=name, words=words, longest=LONGEST,
            found=found, unclear=unclear, error=error, done=_done(visit), by=CLICKS if by == CLICKS and group is not None else WORDS,
            group=group, beyond=beyond, **await self._choices(visit, kinds), status=status_of(error) if error else 200, **rest,
        )  # fmt: skip

    def _group(self, words: str, kinds: Mapping[str, str]) -> Group | None:
        """The form of what is written in words; None if it says more than a form can."""
        plain, tree = self._segments.forms(words)
        group = group_of(tree)
        try:
            back, _ = self._segments.forms(tree_of(read(written(group), kinds), kinds))
        except Invalid:
            return None
        return group if back == plain else None

    async def _kinds(self, visit: Visit) -> dict[str, str]:
        attributes = self._services.attributes
        return {one.name: one.kind for one in await attributes.of_workspace(visit.workspace_id)} if attributes else {}

    async def _choices(self, visit: Visit, kinds: Mapping[str, str]) -> dict[str, Any]:
        """What the selects of the form offer."""
        lists = await self._services.lists.lists(visit.workspace_id, limit=200) if self._services.lists else []
        segments = await self._segments.page(visit.workspace_id, limit=200)
        return {
            "kinds": kinds, "kind_of": kind_of, "own": OWN, "operators": OPERATORS, "no_value": NO_VALUE, "deeds": DEEDS,
            "joined": JOINED, "about": ABOUT, "column_words": COLUMN_WORDS, "operator_words": OPERATOR_WORDS, "date_words": DATE_WORDS,
            "values": {
                "list": {one.name: one.name for one in lists}, "segment": {one.name: one.name for one in segments},
                "consent": CONSENTS, "tracking": WISHES,
            },
        }  # fmt: skip


def _edited(visit: Visit) -> int | None:
    return positive(visit.field("segment"))


def _words(visit: Visit) -> str:
    words = visit.field("words")
    if len(words) > LONGEST:
        raise Invalid(f"A segment is written in at most {LONGEST:,} characters.")
    return words


def _done(visit: Visit) -> str:
    return DONE.get(visit.query.get("done", ""), "")
