"""The assistant of the first steps: organisation, domain with its DNS records, mailbox, test mail to oneself.

One page; each step is done where it stands, in any order, and can be left and found again. DNS and the host are looked at by
a second request (`/start/checks`), so that the page never waits for somebody's name server.
"""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError, NotFound
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.pages.domains import VERDICTS
from lettershop.servers.web.ports import Services
from lettershop.servers.web.ports_start import FirstRun

DONE = {
    "introduced": "Saved: this is how recipients see you.",
    "domain": "The domain is hosted here. Set its DNS records now.",
    "mailbox": "The mailbox is made.",
    "test": "The test mail is on its way.",
}
WHAT = {
    "address": "Address",
    "reverse": "Reverse name (PTR)",
    "certificate": "Certificate",
    "port 25": "Port 25 outwards",
}
SETTLED = ("delivered", "bounced", "expired", "withheld")


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/start`, its checks and its commands."""
    first_run, dns, host = services.first_run, services.dns, services.host
    if first_run is None or dns is None or host is None:
        return None

    async def page(visit: Visit, *, error: LettershopError | None = None) -> Response:
        standing = await first_run.standing(visit.workspace_id)
        test_id = visit.query_id("test")
        test = await first_run.test(visit.workspace_id, test_id) if test_id else None
        moving = bool(test and any(one.state not in SETTLED for one in test.message.recipients))
        return visit.show(
            "start.html", screen="start", standing=standing, test=test, moving=moving, error=error, form=visit.form,
            done=DONE.get(visit.query.get("done", ""), ""), email=visit.who.email, step=visit.form.get("step", ""),
            here=f"/start?test={test_id}", status=status_of(error) if error else 200,
        )  # fmt: skip

    async def index(visit: Visit) -> Response:
        return await page(visit)

    async def checks(visit: Visit) -> Response:
        hosted = [one.name for one in (await first_run.standing(visit.workspace_id)).domains]
        name = visit.query.get("domain", "") or (hosted[0] if hosted else "")
        if name and name not in hosted:
            raise NotFound("This domain is not hosted here.")
        reach = visit.query.get("reach", "")[:320].strip()
        return visit.show(
            "start_checks.html", screen="start", domain=name, domains=hosted, verdicts=VERDICTS, what=WHAT, reach=reach,
            findings=await dns(name) if name else [], host=await host.look(reach),
        )  # fmt: skip

    async def command(visit: Visit) -> Response:
        try:
            target = await obey(first_run, str(visit.request.path_params["command"]), visit)
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to(target)

    routes = [
        Route("/start", ui.page("server.write", index), name="start"),
        Route("/start/checks", ui.page("server.write", checks)),
        Route("/start/{command}", ui.page("server.write", command), methods=["POST"]),
    ]
    return Screen("start", routes, "First steps", "/start", "check", "Settings", "server.write")


async def obey(first_run: FirstRun, command: str, visit: Visit) -> str:
    """Do what the form asks; where to go then."""
    workspace = visit.workspace_id
    match command:
        case "introduce":
            await first_run.introduce(
                workspace, visit.field("organisation"), visit.field("sender"), visit.field("address"),
                visit.field("postal"),
            )  # fmt: skip
            return _done("introduced")
        case "domain":
            domain = await first_run.add_domain(workspace, visit.field("domain"))
            return "/start/checks?" + urlencode({"domain": domain.name})
        case "mailbox":
            await first_run.add_mailbox(
                visit.field("address"), visit.field("password", strip=False), visit.field("name")
            )
            return _done("mailbox")
        case "test":
            sent = await first_run.send_test(workspace, visit.field("to"))
            return _done("test", test=str(sent))
    raise NotFound("There is no such page.")


def _done(what: str, **more: str) -> str:
    return "/start?" + urlencode({"done": what, **more})
