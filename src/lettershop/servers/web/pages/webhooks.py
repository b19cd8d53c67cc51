"""Webhooks: who is told of what, the secret (shown once), what became of each event, told again. The rules are in
`mail.webhooks.desk`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.base.facts import KINDS
from lettershop.mail.webhooks.desk import Webhooks
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Services
from lettershop.store.webhooks import Webhook

HERE = "/settings/webhooks"
PAGE, DELIVERIES = 50, 20
LONGEST = 200
DONE = {
    "changed": "The webhook is changed.",
    "removed": "The webhook is removed.",
    "on": "The webhook is on. It hears what happens from now on; what it missed can be told again.",
    "off": "The webhook is off.",
    "test": "A test is on its way; what came of it stands below in a moment.",
    "again": "It is sent again.",
    "replay": "What happened then is being told again.",
}
STATES = {"": "All", "delivered": "Delivered", "waiting": "Waiting", "given up": "Given up"}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/settings/webhooks`, `/settings/webhooks/{id}` and their commands."""
    if services.webhooks is None:
        return None
    desk = WebhookPages(services.webhooks)

    def route(path: str, handler: object, *methods: str) -> Route:
        return Route(f"{HERE}{path}", ui.page("settings", handler), methods=list(methods) or ["GET"])  # type: ignore[arg-type]

    routes = [
        route("", desk.index), route("/add", desk.add, "POST"), route("/{id:int}", desk.show),
        route("/{id:int}/secret", desk.secret, "POST"), route("/{id:int}/remove", desk.remove, "POST"),
        route("/{id:int}/{command}", desk.command, "POST"),
    ]  # fmt: skip
    return Screen("webhooks", routes, "Webhooks", HERE, "webhooks", "Settings", "settings")


class WebhookPages:
    """The list, and one webhook with its deliveries."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def index(self, visit: Visit) -> Response:
        """The workspace's webhooks, and the form for another one."""
        return await self._index(visit)

    async def add(self, visit: Visit) -> Response:
        """Make one; its page shows the secret, this once."""
        try:
            made = await self._webhooks.create(
                visit.workspace_id, _name(visit), visit.field("url"), _kinds(visit), by=visit.who.email
            )
        except LettershopError as error:
            return await self._index(visit, error=error)
        return await self._one(visit, made, fresh=made.secret)

    async def show(self, visit: Visit) -> Response:
        """One webhook."""
        return await self._one(visit, await self._webhooks.get(visit.workspace_id, visit.path_id()))

    async def secret(self, visit: Visit) -> Response:
        """Another secret, shown this once."""
        made = await self._webhooks.rotate(visit.workspace_id, visit.path_id())
        return await self._one(visit, made, fresh=made.secret)

    async def remove(self, visit: Visit) -> Response:
        """Tell it nothing more."""
        await self._webhooks.remove(visit.workspace_id, visit.path_id())
        return visit.back_to(f"{HERE}?done=removed")

    async def command(self, visit: Visit) -> Response:
        """What the other buttons ask for."""
        found, command = visit.path_id(), str(visit.request.path_params["command"])
        try:
            await self._obey(visit, found, command)
        except LettershopError as error:
            return await self._one(visit, await self._webhooks.get(visit.workspace_id, found), error=error)
        return visit.back_to(f"{HERE}/{found}?" + urlencode({"done": command}))

    async def _obey(self, visit: Visit, found: int, command: str) -> None:
        desk, workspace = self._webhooks, visit.workspace_id
        match command:
            case "changed":
                values = {"name": _name(visit), "url": visit.field("url"), "kinds": _kinds(visit)}
                await desk.change(workspace, found, values)
            case "on" | "off":
                await desk.change(workspace, found, {"active": command == "on"})
            case "test":
                await desk.test(workspace, found)
            case "again":
                await desk.again(workspace, found, positive(visit.field("delivery")) or 0)
            case "replay":
                since, until = _moment(visit, "since"), _moment(visit, "until")
                if since is None:
                    raise Invalid("Say from when on.", code="webhook-range")
                await desk.replay(workspace, found, since=since, until=until)
            case _:
                raise Invalid("There is no such command.")

    async def _index(self, visit: Visit, *, error: LettershopError | None = None) -> Response:
        found = await self._webhooks.page(visit.workspace_id, limit=PAGE)
        waiting = await self._webhooks.waiting([one.id for one in found])
        return visit.show(
            "webhooks.html", screen="webhooks", webhooks=[(one, waiting.get(one.id, 0)) for one in found], error=error,
            form=visit.form, chosen=_kinds(visit), kinds=KINDS, longest=LONGEST,
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def _one(
        self, visit: Visit, hook: Webhook, *, fresh: str = "", error: LettershopError | None = None
    ) -> Response:
        state = visit.query.get("state", "")
        before = visit.query_id("before")
        found = await self._webhooks.deliveries(
            visit.workspace_id, hook.id, before=before, state=state if state in STATES else "", limit=DELIVERIES + 1
        )
        here = f"{HERE}/{hook.id}"
        kept = {"state": state} if state else {}
        return visit.show(
            "webhook.html", screen="webhooks", webhook=hook, here=here, fresh=fresh, error=error, kinds=KINDS,
            chosen=hook.kinds, deliveries=found[:DELIVERIES], states=STATES, state_now=state, longest=LONGEST,
            first=f"{here}?{urlencode(kept)}" if before else "",
            more=f"{here}?{urlencode({**kept, 'before': found[DELIVERIES - 1].id})}" if len(found) > DELIVERIES else "",
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip


def _name(visit: Visit) -> str:
    name = visit.field("name")
    if not name or len(name) > LONGEST:
        raise Invalid(f"A webhook has a name of at most {LONGEST} characters.")
    return name


def _kinds(visit: Visit) -> Sequence[str]:
    return [kind for kind in visit.form.getlist("kind") if isinstance(kind, str)]


def _moment(visit: Visit, name: str) -> float | None:
    """A moment of the form, in UTC; None if none is told."""
    text = visit.field(name)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise Invalid("This is no moment.", code="moment") from error
