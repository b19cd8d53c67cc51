"""What is done with one person: made, changed, put on lists and taken off, told what is held on them, erased.

The rules are in `marketing.subscribers` and `marketing.privacy`. Errors come back on the page that had the form.
"""

from math import isfinite, nan
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Conflict, Invalid, LettershopError, NotFound, Refused
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.pages.contacts import MOST_LISTS, person
from lettershop.servers.web.ports import Services
from lettershop.servers.web.ports_people import Persons


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/contacts/new` and the commands of `/contacts/{id}`."""
    persons, contacts = services.persons, services.contacts
    if persons is None or contacts is None:
        return None

    async def form(visit: Visit, *, error: LettershopError | None = None) -> Response:
        lists = await persons.lists(visit.workspace_id, limit=MOST_LISTS)
        return visit.show(
            "contact_new.html", screen="contacts", lists=lists, error=error, form=visit.form,
            status=status_of(error) if error else 200,
        )  # fmt: skip

    async def fresh(visit: Visit) -> Response:
        return await form(visit)

    async def make(visit: Visit) -> Response:
        try:
            made = await persons.put(
                visit.workspace_id, visit.field("address"), name=visit.field("name"), attributes={},
                tags=_words(visit.field("tags")), lists=[str(name) for name in visit.form.getlist("lists")],
                consent=persons.consent(visit.field("kind"), visit.field("basis"), "screen"),
            )  # fmt: skip
        except LettershopError as error:
            return await form(visit, error=error)
        return visit.back_to(f"/contacts/{made.contact.id}?" + urlencode({"done": "made"}))

    async def command(visit: Visit) -> Response:
        contact_id, name = visit.path_id(), str(visit.request.path_params["command"])
        if name == "erase":
            await persons.erase(visit.workspace_id, contact_id)
            return visit.back_to("/contacts?" + urlencode({"done": "erased"}))
        try:
            done = await obey(persons, name, contact_id, visit)
        except (Invalid, Conflict, Refused) as error:
            return await person(visit, contacts, persons, error=error)
        return visit.back_to(f"/contacts/{contact_id}?" + urlencode({"done": done}))

    async def data(visit: Visit) -> Response:
        held = await persons.held(visit.workspace_id, visit.path_id())
        content = orjson.dumps(held, option=orjson.OPT_INDENT_2)
        headers = {"content-disposition": 'attachment; filename="personal-data.json"', "cache-control": "no-store"}
        return Response(content, media_type="application/json", headers=headers)

    routes = [
        Route("/contacts/new", ui.page("contacts.write", fresh)),
        Route("/contacts/new", ui.page("contacts.write", make), methods=["POST"]),
        Route("/contacts/{id:int}/data", ui.page("contacts.write", data)),
        Route("/contacts/{id:int}/{command}", ui.page("contacts.write", command), methods=["POST"]),
    ]
    return Screen("contact-acts", routes)


async def obey(persons: Persons, command: str, contact_id: int, visit: Visit) -> str:
    """Do what the form asks; the key of the words that say so."""
    workspace = visit.workspace_id
    match command:
        case "change":
            await persons.change(workspace, contact_id, await _changes(persons, contact_id, visit))
            return "changed"
        case "join":
            consent = persons.consent(visit.field("kind"), visit.field("basis"), "screen")
            await persons.subscribe(workspace, contact_id, visit.field("list"), consent)
            return "joined"
        case "leave":
            await persons.unsubscribe(workspace, contact_id, visit.field("list"))
            return "left" if visit.field("list") else "silenced"
    raise NotFound("There is no such page.")


async def _changes(persons: Persons, contact_id: int, visit: Visit) -> dict[str, Any]:
    """Name, tags and attributes; an attribute keeps its kind, an empty one is taken away."""
    there = (await persons.get(visit.workspace_id, contact_id)).contact.attributes
    found: dict[str, Any] = {}
    for name, before in there.items():
        if isinstance(before, list):
            continue
        found[name] = alike(before, visit.field(f"attribute-{name}"))
    if visit.field("new-name"):
        found[visit.field("new-name")] = visit.field("new-value") or None
    return {"name": visit.field("name"), "tags": _words(visit.field("tags")), "attributes": found}


def alike(before: object, text: str) -> Any:
    """What was written, of the kind of what was there; None if nothing was. Raises Invalid."""
    if not text:
        return None
    if isinstance(before, bool):
        return text.lower() in ("yes", "true", "1", "ja")
    if isinstance(before, int | float):
        return _number(text)
    return text


def _number(text: str) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = nan
    if not isfinite(number):
        raise Invalid(f"{text!r} is no number.")
    return int(number) if number.is_integer() else number


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
