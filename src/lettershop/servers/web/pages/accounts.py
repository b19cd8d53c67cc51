"""Mail accounts: who has mail here and how full it is; a new one is made here, one is changed on its own page."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.mail.users import check_password
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Services

PAGE = 50
MEGABYTE = 1_000_000
DONE = {"made": "The account is made.", "removed": "The account is removed with its mail."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/accounts`."""
    server = services.mail_server
    if server is None:
        return None

    async def page(visit: Visit, *, error: LettershopError | None = None) -> Response:
        query, after = visit.query.get("q", "")[:200].strip().lower(), visit.query.get("after", "")
        fitting = [
            account for account in await server.list() if query in account.address or query in account.name.lower()
        ]
        total, fitting = len(fitting), [account for account in fitting if account.address > after]
        return visit.show(
            "accounts.html", screen="accounts", accounts=fitting[:PAGE], search=query, total=total, first=bool(after),
            last=fitting[PAGE - 1].address if len(fitting) > PAGE else "", error=error, form=visit.form,
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def index(visit: Visit) -> Response:
        return await page(visit)

    async def make(visit: Visit) -> Response:
        try:
            password = visit.field("password", strip=False)
            check_password(password)
            await server.add(visit.field("address"), password, name=visit.field("name"), quota=_quota(visit))
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to("/accounts?" + urlencode({"done": "made", "q": visit.field("address")}))

    routes = [
        Route("/accounts", ui.page("server.read", index), name="accounts"),
        Route("/accounts", ui.page("server.write", make), methods=["POST"]),
    ]
    return Screen("accounts", routes, "Accounts", "/accounts", "accounts", "Mail server", "server.read")


def _quota(visit: Visit) -> int | None:
    text = visit.field("quota")
    if not text:
        return None
    found = positive(text)
    if found is None:
        raise Invalid("The limit is a whole number of megabytes.")
    return found * MEGABYTE
