"""Brands: who mail is from, with the postal address of the law, and how it looks. The rules are in `marketing.workspace_campaigns`."""

import re
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError, NotFound
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Services
from lettershop.wire.address import Address

LONGEST = 200
SETTINGS = {
    "logo": "Address of the logo",
    "primary": "First colour",
    "secondary": "Second colour",
    "website": "Website",
}
"""What templates find as `{{ brand_logo }}`; others are set through the API."""
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
DONE = {"saved": "The brand is saved."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/brands`, `/brands/new` and `/brands/{id}`."""
    brands = services.brands
    if brands is None:
        return None

    async def index(visit: Visit) -> Response:
        found = await brands.all(visit.workspace_id)
        done = DONE.get(visit.query.get("done", ""), "")
        return visit.show("brands.html", screen="brands", brands=found, done=done)

    async def form(visit: Visit, *, error: LettershopError | None = None) -> Response:
        brand = await one(visit) if "id" in visit.request.path_params else None
        return visit.show(
            "brand.html", screen="brands", brand=brand, settings=SETTINGS, error=error, form=visit.form,
            status=status_of(error) if error else 200,
        )  # fmt: skip

    async def one(visit: Visit) -> object:
        found = [brand for brand in await brands.all(visit.workspace_id) if brand.id == visit.path_id()]
        if not found:
            raise NotFound("There is no such brand.")
        return found[0]

    async def show(visit: Visit) -> Response:
        return await form(visit)

    async def save(visit: Visit) -> Response:
        before = await one(visit) if "id" in visit.request.path_params else None
        try:
            name = getattr(before, "name", "") or _named(visit)
            await brands.put(visit.workspace_id, name, _values(visit, dict(getattr(before, "settings", {}))))
        except LettershopError as error:
            return await form(visit, error=error)
        return visit.back_to("/brands?" + urlencode({"done": "saved"}))

    routes = [
        Route("/brands", ui.page("campaigns.read", index), name="brands"),
        Route("/brands/new", ui.page("settings", show)),
        Route("/brands/new", ui.page("settings", save), methods=["POST"]),
        Route("/brands/{id:int}", ui.page("settings", show)),
        Route("/brands/{id:int}", ui.page("settings", save), methods=["POST"]),
    ]
    return Screen("brands", routes, "Brands", "/brands", "campaigns", "Marketing", "campaigns.read")


def _named(visit: Visit) -> str:
    name = visit.field("name")
    if not name or len(name) > LONGEST:
        raise Invalid(f"A brand has a name of at most {LONGEST} characters.")
    return name


def _values(visit: Visit, settings: dict[str, str]) -> dict[str, object]:
    """The fields of the form; settings that it does not show stay."""
    for key in SETTINGS:
        value = visit.field(key)
        if key in ("primary", "secondary") and value and not _COLOUR.fullmatch(value):
            raise Invalid("A colour is written as #23508a.")
        settings[key] = value
    reply = visit.field("reply_to")
    sender = visit.field("from_name")
    if not sender:
        raise Invalid("The sender's name is missing.")
    return {
        "from_name": sender, "from_address": str(Address.parse(visit.field("from_address"))),
        "reply_to": str(Address.parse(reply)) if reply else "", "postal_address": visit.field("postal_address")[:500],
        "settings": {key: value for key, value in settings.items() if value},
    }  # fmt: skip
