"""One mail account: what it holds, and who may read it in the web interface. The rules are in `mail.own_mailboxes`."""

from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError
from lettershop.mail.users import check_password
from lettershop.servers.web.frame import Handler, Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Services

DONE = {
    "password": "The password is changed.",
    "alias": "Mail to this address comes here too.",
    "granted": "It is opened to this person.",
    "withdrawn": "It is closed to this person.",
}


Act = Callable[[Visit, str], Awaitable[None]]
"""What a form does to the account of this address."""


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/accounts/{id}` and its commands."""
    own, server = services.own_mailboxes, services.mail_server
    if own is None or server is None:
        return None

    async def page(visit: Visit, *, error: LettershopError | None = None) -> Response:
        account = await own.account(visit.path_id())
        readers = await own.readers(account)
        known = {one.email for one in readers}
        grants = visit.who.may("mailboxes.grant")
        people = [email for email in await own.everyone() if email not in known] if grants else []
        return visit.show(
            "account.html", screen="accounts", account=account, readers=readers, people=people, grants=grants, error=error,
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip

    async def index(visit: Visit) -> Response:
        return await page(visit)

    def command(done: str, act: Act) -> Handler:
        async def handler(visit: Visit) -> Response:
            account = await own.account(visit.path_id())
            try:
                await act(visit, account.address)
            except LettershopError as error:
                return await page(visit, error=error)
            return visit.back_to(f"/accounts/{account.id}?done={done}")

        return handler

    async def grant(visit: Visit, address: str) -> None:
        await own.grant(visit.field("email"), address, visit.who.email)

    async def withdraw(visit: Visit, address: str) -> None:
        await own.withdraw(visit.field("email"), address)

    async def alias(visit: Visit, address: str) -> None:
        await server.alias(visit.field("alias").lower(), address)

    async def password(visit: Visit, address: str) -> None:
        fresh = visit.field("password", strip=False)
        check_password(fresh)
        await server.set_password(address, fresh)

    async def remove(visit: Visit) -> Response:
        await server.remove((await own.account(visit.path_id())).address)
        return visit.back_to("/accounts?done=removed")

    routes = [
        Route("/accounts/{id:int}/alias", ui.page("server.write", command("alias", alias)), methods=["POST"]),
        # who sets a password can read the mail: the same right as opening the account to somebody
        Route(
            "/accounts/{id:int}/password", ui.page("mailboxes.grant", command("password", password)), methods=["POST"]
        ),
        Route("/accounts/{id:int}/remove", ui.page("mailboxes.grant", remove), methods=["POST"]),
        Route("/accounts/{id:int}", ui.page("server.read", index)),
        Route("/accounts/{id:int}/grant", ui.page("mailboxes.grant", command("granted", grant)), methods=["POST"]),
        Route(
            "/accounts/{id:int}/withdraw", ui.page("mailboxes.grant", command("withdrawn", withdraw)), methods=["POST"]
        ),
    ]
    return Screen("account", routes)
