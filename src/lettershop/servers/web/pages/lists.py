"""Mailing lists: how many are on each, who may join and how; made, changed, removed. The rules are in `marketing.subscribers`."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError, NotFound
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Lists, Services

PAGE = 50
LONGEST = 200
DONE = {
    "made": "The list is made.",
    "changed": "The list is changed.",
    "removed": "The list is removed; the people stay.",
}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/lists` and its commands."""
    lists = services.lists
    if lists is None:
        return None

    async def page(visit: Visit, *, error: LettershopError | None = None) -> Response:
        after = visit.query_id("after") or 0
        found = await lists.lists(visit.workspace_id, after=after, limit=PAGE + 1)
        return visit.show(
            "lists.html", screen="lists", lists=found[:PAGE], first="/lists" if after else "", longest=LONGEST,
            more=f"/lists?after={found[PAGE - 1].id}" if len(found) > PAGE else "", error=error, form=visit.form,
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def index(visit: Visit) -> Response:
        return await page(visit)

    async def command(visit: Visit) -> Response:
        try:
            done = await obey(lists, str(visit.request.path_params["command"]), visit)
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to("/lists?" + urlencode({"done": done}))

    routes = [
        Route("/lists", ui.page("contacts.read", index), name="lists"),
        Route("/lists/{command}", ui.page("contacts.write", command), methods=["POST"]),
    ]
    return Screen("lists", routes, "Lists", "/lists", "lists", "Marketing", "contacts.read")


async def obey(lists: Lists, command: str, visit: Visit) -> str:
    """Do what the form asks; the key of the words that say so."""
    workspace = visit.workspace_id
    match command:
        case "make":
            await lists.make_list(
                workspace, _name(visit), public=_ticked(visit, "public"), double_opt_in=_ticked(visit, "confirm")
            )
            return "made"
        case "change":
            values = {
                "name": _name(visit),
                "public": _ticked(visit, "public"),
                "double_opt_in": _ticked(visit, "confirm"),
            }
            await lists.change_list(workspace, _list(visit), values)
            return "changed"
        case "remove":
            await lists.remove_list(workspace, _list(visit))
            return "removed"
    raise NotFound("There is no such page.")


def _name(visit: Visit) -> str:
    name = visit.field("name")
    if not name or len(name) > LONGEST:
        raise Invalid(f"A list has a name of at most {LONGEST} characters.")
    return name


def _ticked(visit: Visit, name: str) -> bool:
    return visit.field(name) == "yes"


def _list(visit: Visit) -> int:
    found = positive(visit.field("list"))
    if found is None:
        raise NotFound("There is no such list.")
    return found
