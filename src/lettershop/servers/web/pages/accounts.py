"""Mail accounts: who has mail here and how full it is."""

from starlette.responses import Response
from starlette.routing import Route

from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.ports import Services

PAGE = 50


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/accounts`."""
    server = services.mail_server
    if server is None:
        return None

    async def index(visit: Visit) -> Response:
        query, after = visit.query.get("q", "")[:200].strip().lower(), visit.query.get("after", "")
        fitting = [
            account for account in await server.list() if query in account.address or query in account.name.lower()
        ]
        total, fitting = len(fitting), [account for account in fitting if account.address > after]
        return visit.show(
            "accounts.html", screen="accounts", accounts=fitting[:PAGE], search=query, total=total, first=bool(after),
            last=fitting[PAGE - 1].address if len(fitting) > PAGE else "",
        )  # fmt: skip

    route = Route("/accounts", ui.page("server.read", index), name="accounts")
    return Screen("accounts", [route], "Accounts", "/accounts", "accounts", "Mail server", "server.read")
