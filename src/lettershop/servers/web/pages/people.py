"""The people of the workspace: add, give a role, lock out, set a password, take out. The rules are in `mail.people`."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError, NotFound
from lettershop.mail.people import Actor
from lettershop.mail.users import ROLES
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Colleagues, Services

DONE = {
    "added": "Added. Hand over the password by another way than mail; it can be changed under Your account.",
    "role": "The role is changed.",
    "lock": "Locked out; all sessions of this person are over.",
    "unlock": "This person can sign in again.",
    "password": "The password is changed; all sessions of this person are over.",
    "out": "Taken out of this workspace.",
}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/people` and its commands."""
    people = services.people
    if people is None:
        return None

    async def page(visit: Visit, *, error: LettershopError | None = None) -> Response:
        query = visit.query.get("q", "")[:200].strip().lower()
        found = await people.of_workspace(visit.workspace_id)
        return visit.show(
            "people.html", screen="people", people=[one for one in found if query in f"{one.email} {one.name.lower()}"],
            total=len(found), search=query, roles=ROLES, error=error, form=visit.form,
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def command(visit: Visit) -> Response:
        try:
            done = await obey(people, actor(visit), str(visit.request.path_params["command"]), visit)
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to("/people?" + urlencode({"done": done}))

    async def index(visit: Visit) -> Response:
        return await page(visit)

    routes = [
        Route("/people", ui.page("settings", index), name="people"),
        Route("/people/{command}", ui.page("settings", command), methods=["POST"]),
    ]
    return Screen("people", routes, "People", "/people", "person", "Settings", "settings")


async def obey(people: Colleagues, by: Actor, command: str, visit: Visit) -> str:
    """Do what the form asks; the key of the words that say so."""
    email = visit.field("email")
    match command:
        case "add":
            await people.add(
                by, email, visit.field("password", strip=False), role=visit.field("role"), name=visit.field("name")
            )
            return "added"
        case "role":
            await people.give_role(by, email, visit.field("role"))
        case "lock" | "unlock":
            await people.lock(by, email, locked=command == "lock")
        case "password":
            await people.set_password(by, email, visit.field("password", strip=False))
        case "out":
            await people.take_out(by, email)
        case _:
            raise NotFound("There is no such page.")
    return command


def actor(visit: Visit) -> Actor:
    """Who acts, for the rules."""
    who = visit.who
    return Actor(visit.workspace_id, who.role, who.user_id, operator=who.may("server.write"))
