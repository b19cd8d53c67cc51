"""Writing a campaign: content, people, preview as a person, the check, a test, and when it goes.

A draft is saved first; preview, check, test and sending are of what was saved. The rules are in `marketing`; the message
is shown in a sandboxed frame from an address of its own, so nothing in it reaches this page.
"""

from datetime import UTC, datetime
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Services
from lettershop.servers.web.ports_writing import Trying, Writing
from lettershop.servers.web.public import MESSAGE_POLICY

RIGHT = "campaigns.send"
LONGEST = 500_000
DONE = {
    "saved": "The campaign is saved.",
    "test": "A test is on its way.",
    "planned": "The campaign is planned.",
    "draft": "The campaign is a draft again.",
}
FORMATS = {"html": "HTML", "mjml": "MJML", "markdown": "Markdown"}
FIELDS = ("name", "subject", "preheader", "brand", "list_name", "segment", "format", "html", "text")
BEGINNING = """<p>Hello {{ first_name | default("there") }},</p>

<p>…</p>

<p>{{ postal_address }}<br><a href="{{ unsubscribe_url }}">Unsubscribe</a> · <a href="{{ preferences_url }}">Your wishes</a></p>
"""
FRAMED = MESSAGE_POLICY.replace(b"frame-ancestors 'none'", b"frame-ancestors 'self'")


def framed(html: str) -> Response:
    """A message alone, for a sandboxed frame of ours."""
    policy = {
        "content-security-policy": FRAMED.decode(),
        "x-frame-options": "SAMEORIGIN",
        "referrer-policy": "no-referrer",
    }
    return HTMLResponse(html, headers=policy)


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/campaigns/new`, `/campaigns/{id}/edit` and their commands."""
    if services.writing is None or services.trials is None:
        return None
    desk = ComposePages(services, services.writing, services.trials)
    one = "/campaigns/{id:int}"
    routes = [
        Route("/campaigns/new", ui.page(RIGHT, desk.new)),
        Route("/campaigns/save", ui.page(RIGHT, desk.save), methods=["POST"]),
        Route(f"{one}/edit", ui.page(RIGHT, desk.show)),
        Route(f"{one}/message", ui.page(RIGHT, desk.message)),
        Route(f"{one}/test", ui.page(RIGHT, desk.test), methods=["POST"]),
        Route(f"{one}/start", ui.page(RIGHT, desk.start), methods=["POST"]),
        Route(f"{one}/unschedule", ui.page(RIGHT, desk.unschedule), methods=["POST"]),
    ]
    return Screen("compose", routes)


class ComposePages:
    """The editor and its commands."""

    def __init__(self, services: Services, writing: Writing, trials: Trying) -> None:
        self._services = services
        self._writing = writing
        self._trials = trials

    async def new(self, visit: Visit) -> Response:
        """An empty one."""
        return await self._editor(visit, None, {"format": "html", "html": BEGINNING})

    async def show(self, visit: Visit) -> Response:
        """One that was saved, with preview and check."""
        return await self._saved(visit, visit.path_id())

    async def save(self, visit: Visit) -> Response:
        """Keep what is written, as a new campaign or in place of the one that was edited."""
        edited, values = (
            positive(visit.field("campaign")),
            {name: visit.field(name).replace("\r\n", "\n") for name in FIELDS},
        )
        try:
            if len(values["html"]) > LONGEST:
                raise Invalid("The message is too long.", remedy="Put pictures into the media library.")
            if edited is None:
                kept = await self._writing.create(visit.workspace_id, values)
            else:
                kept = await self._writing.change(visit.workspace_id, edited, values)
        except LettershopError as error:
            return await self._editor(visit, edited, values, error=error)
        if visit.field("then") == "design":
            return visit.back_to(f"/campaigns/{kept.campaign.id}/design")
        return visit.back_to(f"/campaigns/{kept.campaign.id}/edit?done=saved")

    async def message(self, visit: Visit) -> Response:
        """The message alone, as one person would get it: foreign HTML, without scripts and in an origin of its own."""
        found = await self._trials.preview(visit.workspace_id, visit.path_id(), visit.query_id("person"))
        return framed(found.html)

    async def test(self, visit: Visit) -> Response:
        """Send a test to a few addresses."""
        campaign_id, to = visit.path_id(), visit.field("to").replace(",", " ").split()
        try:
            await self._trials.send(visit.workspace_id, campaign_id, to, positive(visit.field("person")))
        except LettershopError as error:
            return await self._saved(visit, campaign_id, error=error)
        return visit.back_to(f"/campaigns/{campaign_id}/edit?done=test")

    async def start(self, visit: Visit) -> Response:
        """Send it now, or at the time that was chosen."""
        campaign_id = visit.path_id()
        try:
            at = moment_of(visit.field("at"))
            await self._writing.schedule(visit.workspace_id, campaign_id, at, by=visit.who.email)
        except LettershopError as error:
            return await self._saved(visit, campaign_id, error=error)
        return visit.back_to(f"/campaigns/{campaign_id}/edit?done=planned" if at else f"/campaigns/{campaign_id}")

    async def unschedule(self, visit: Visit) -> Response:
        """Back to a draft."""
        await self._writing.act(visit.workspace_id, visit.path_id(), "unschedule", by=visit.who.email)
        return visit.back_to(f"/campaigns/{visit.path_id()}/edit?done=draft")

    async def _saved(self, visit: Visit, campaign_id: int, *, error: LettershopError | None = None) -> Response:
        written = await self._writing.get(visit.workspace_id, campaign_id)
        values = {name: getattr(written.draft, name) for name in FIELDS}
        return await self._editor(visit, campaign_id, values, campaign=written.campaign, error=error)

    async def _editor(
        self, visit: Visit, campaign_id: int | None, values: dict[str, Any], *, campaign: Any = None,
        error: LettershopError | None = None,
    ) -> Response:  # fmt: skip
        services, workspace = self._services, visit.workspace_id
        person, nobody = await self._person(visit)
        shown, unclear, findings = None, None, list[Any]()
        if campaign is not None and campaign_id is not None:
            try:
                shown = await self._trials.preview(workspace, campaign_id, person)
            except LettershopError as problem:
                unclear = problem
            findings = [*await self._writing.check(workspace, campaign_id)]
        return visit.show(
            "compose.html", screen="campaigns", campaign_id=campaign_id, campaign=campaign,
            values={name: values.get(name, "") for name in FIELDS},
            brands=[one.name for one in await services.brands.all(workspace)] if services.brands else [],
            lists=[one.name for one in await services.lists.lists(workspace, limit=200)] if services.lists else [],
            segments=[one.name for one in await services.segments.page(workspace, limit=200)] if services.segments else [],
            formats=FORMATS, longest=LONGEST, shown=shown, unclear=unclear, findings=findings, person=person,
            nobody=nobody, asked=visit.query.get("as", ""), error=error, done=DONE.get(visit.query.get("done", ""), ""),
            editable=campaign is None or campaign.state == "draft", status=status_of(error) if error else 200,
        )  # fmt: skip

    async def _person(self, visit: Visit) -> tuple[int | None, bool]:
        """For whom the preview is made, by the address that was asked for; and whether there is nobody of that address."""
        asked = visit.query.get("as", "")[:320].strip().replace("\0", "")
        if not asked or self._services.contacts is None:
            return None, False
        found = await self._services.contacts.page(visit.workspace_id, query=asked, limit=5)
        exact = [one.id for one in found if one.address.lower() == asked.lower()] or [one.id for one in found]
        return (exact[0], False) if exact else (None, True)


def moment_of(words: str) -> float | None:
    """What a field of the kind datetime-local holds, in UTC; None: now. Raises Invalid."""
    if not words:
        return None
    try:
        return datetime.fromisoformat(words).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise Invalid("This is no moment.", code="moment") from error
