"""One mail account: what it holds, and who may read it in the web interface. The rules are in `mail.own_mailboxes`."""

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Services

DONE = {"granted": "It is opened to this person.", "withdrawn": "It is closed to this person."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/accounts/{id}` and its commands."""
    own = services.own_mailboxes
    if own is None:
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

    async def grant(visit: Visit) -> Response:
        account = await own.account(visit.path_id())
        try:
            await own.grant(visit.field("email"), account.address, visit.who.email)
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to(f"/accounts/{account.id}?done=granted")

    async def withdraw(visit: Visit) -> Response:
        account = await own.account(visit.path_id())
        try:
            await own.withdraw(visit.field("email"), account.address)
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to(f"/accounts/{account.id}?done=withdrawn")

    routes = [
        Route("/accounts/{id:int}", ui.page("server.read", index)),
        Route("/accounts/{id:int}/grant", ui.page("mailboxes.grant", grant), methods=["POST"]),
        Route("/accounts/{id:int}/withdraw", ui.page("mailboxes.grant", withdraw), methods=["POST"]),
    ]
    return Screen("account", routes)
