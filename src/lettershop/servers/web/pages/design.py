"""A campaign designed by drag and drop: its MJML goes into the editor and comes back; pictures are of the media library.

Without script the MJML stands in a field. The editor is GrapesJS; it writes styles into the page, so this page alone has
a policy that allows inline styles (ADR 29). It allows no inline script, and pictures from nowhere but here.
"""

from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.servers.web.designs import layout
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.pages.compose import LONGEST, RIGHT
from lettershop.servers.web.ports import Services
from lettershop.servers.web.ports_writing import Writing
from lettershop.servers.web.security import POLICY

PICTURES = "/campaigns/pictures"
LARGEST_PICTURE = 10_000_000 + 65_536
"""Bytes: one picture and the form round it."""
SHOWN = 100
LAYOUTS = {
    "letter": "A letter", "offer": "An offer with a button", "news": "News in two columns", "empty": "Empty, but for the footer",
}  # fmt: skip
FIELDS = {
    'first_name | default("…")': "First name", 'name | default("…")': "Name", "email": "Address", "brand": "Brand",
    "list_name": "Name of the list", "unsubscribe_url": "Unsubscribe", "preferences_url": "Your wishes",
    "web_version_url": "View in the browser",
    "postal_address": "Postal address",
}  # fmt: skip
"""Personal words that are always there."""
DONE = {"saved": "The design is saved."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/campaigns/{id}/design` and its commands."""
    if services.writing is None:
        return None
    desk = DesignPages(services, services.writing)
    one = "/campaigns/{id:int}/design"
    routes = [
        Route(PICTURES, ui.page(RIGHT, desk.picture), methods=["POST"]),
        Route(one, ui.page(RIGHT, desk.show)),
        Route(one, ui.page(RIGHT, desk.save), methods=["POST"]),
        Route(f"{one}/begin", ui.page(RIGHT, desk.begin), methods=["POST"]),
    ]
    return Screen("design", routes)


class DesignPages:
    """The designer of a campaign."""

    def __init__(self, services: Services, writing: Writing) -> None:
        self._services = services
        self._writing = writing

    async def show(self, visit: Visit) -> Response:
        """The editor; of a campaign that is written otherwise the choice of a layout."""
        written = await self._writing.get(visit.workspace_id, visit.path_id())
        if written.draft.format != "mjml":
            return visit.show(
                "design_begin.html", screen="campaigns", campaign=written.campaign, name=written.draft.name, layouts=LAYOUTS,
                empty=not written.draft.html.strip(), editable=written.campaign.state == "draft",
            )  # fmt: skip
        return await self._editor(visit, written, written.draft.html)

    async def begin(self, visit: Visit) -> Response:
        """Put a layout in place of the message."""
        language = visit.ui.language(visit.request)
        values = {"format": "mjml", "html": layout(visit.field("layout"), language), "text": ""}
        await self._writing.change(visit.workspace_id, visit.path_id(), values)
        return visit.back_to(f"/campaigns/{visit.path_id()}/design")

    async def save(self, visit: Visit) -> Response:
        """Keep the design; to script it is told in a word, otherwise the page comes again."""
        campaign_id, mjml = visit.path_id(), visit.field("mjml", strip=False).replace("\r\n", "\n")
        try:
            if len(mjml) > LONGEST:
                raise Invalid("The message is too long.", remedy="Put pictures into the media library.")
            await self._writing.change(visit.workspace_id, campaign_id, {"format": "mjml", "html": mjml})
        except LettershopError as error:
            if _asks_for_json(visit):
                return JSONResponse({"error": f"{error.public} {error.remedy}".strip()}, status_of(error))
            return await self._editor(
                visit, await self._writing.get(visit.workspace_id, campaign_id), mjml, error=error
            )
        if _asks_for_json(visit):
            return JSONResponse({"saved": True})
        further = "edit" if visit.field("then") == "edit" else "design"
        return visit.back_to(f"/campaigns/{campaign_id}/{further}?done=saved")

    async def picture(self, visit: Visit) -> Response:
        """Put pictures into the media library; the answer is as the editor wants it."""
        shelf = self._services.shelf
        found = [one for _, one in visit.form.multi_items() if not isinstance(one, str)]
        if shelf is None or not found:
            return JSONResponse({"error": "No file was chosen."}, 400)
        try:
            kept = [
                await shelf.upload(visit.workspace_id, one.filename or "picture", await one.read()) for one in found
            ]
        except LettershopError as error:
            return JSONResponse({"error": f"{error.public} {error.remedy}".strip()}, status_of(error))
        return JSONResponse({"data": [_asset(shelf, one) for one in kept if one.width]})

    async def _editor(
        self, visit: Visit, written: Any, mjml: str, *, error: LettershopError | None = None
    ) -> Response:  # fmt: skip
        shelf, workspace = self._services.shelf, visit.workspace_id
        pictures = [one for one in await shelf.page(workspace, limit=SHOWN) if one.width] if shelf else []
        attributes = await self._services.attributes.of_workspace(workspace) if self._services.attributes else []
        assets = [_asset(shelf, one) for one in pictures]
        page = visit.show(
            "design.html", screen="campaigns", campaign=written.campaign, name=written.draft.name, mjml=mjml,
            pictures=assets, fields=FIELDS, attributes=[one.name for one in attributes], longest=LONGEST, error=error,
            editable=written.campaign.state == "draft", upload=PICTURES,
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip
        page.headers["content-security-policy"] = policy(visit.ui.public_url)
        return page


def policy(public_url: str) -> str:
    """The strict one, but for inline styles, and pictures under our own public name."""
    ours = urlsplit(public_url)
    images = f"img-src 'self' data: {ours.scheme}://{ours.netloc}"
    return POLICY.replace("img-src 'self' data:", images) + "; style-src 'self' 'unsafe-inline'"


def _asset(shelf: Any, one: Any) -> dict[str, Any]:
    return {"src": shelf.url(one), "name": one.name, "width": one.width, "height": one.height, "type": "image"}


def _asks_for_json(visit: Visit) -> bool:
    return "application/json" in visit.request.headers.get("accept", "")
