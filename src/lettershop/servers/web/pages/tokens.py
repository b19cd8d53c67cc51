"""API tokens: made with their scopes, shown once, withdrawn. The rules are in `mail.api_tokens`."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import Invalid, LettershopError
from lettershop.mail.api_tokens import RESOURCES, MadeToken
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Services

MOST = 200
LONGEST = 100
DAY = 86_400.0
LASTS = {"0": "for ever", "30": "30 days", "90": "90 days", "365": "365 days"}
WIDE = {"read": "Read everything", "write": "Read and change everything"}
DONE = {"withdrawn": "The token is withdrawn; whoever uses it gets no further."}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/settings/tokens` and its commands."""
    tokens = services.tokens
    if tokens is None:
        return None

    async def page(visit: Visit, *, made: MadeToken | None = None, error: LettershopError | None = None) -> Response:
        found = await tokens.page(visit.workspace_id, limit=MOST)
        answer = visit.show(
            "tokens.html", screen="tokens", tokens=[one for one in found if one.revoked_at is None], made=made, error=error,
            resources=RESOURCES, lasts=LASTS, wide=WIDE, longest=LONGEST, form=visit.form,
            ticked=set(map(str, visit.form.getlist("scope"))) if error else set(),
            done=DONE.get(visit.query.get("done", ""), ""), status=status_of(error) if error else 200,
        )  # fmt: skip
        if made is not None:
            answer.headers["cache-control"] = "no-store"  # the secret is shown once
        return answer

    async def index(visit: Visit) -> Response:
        return await page(visit)

    async def make(visit: Visit) -> Response:
        days = positive(visit.field("lasts")) or 0
        until = services.now() + days * DAY if days and services.now is not None else None
        try:
            if len(visit.field("name")) > LONGEST:
                raise Invalid(f"A name has at most {LONGEST} characters.")
            scopes = [str(scope) for scope in visit.form.getlist("scope")]
            made = await tokens.create(
                visit.workspace_id, visit.field("name"), scopes, by=visit.who.email, expires_at=until
            )
        except LettershopError as error:
            return await page(visit, error=error)
        return await page(visit, made=made)

    async def withdraw(visit: Visit) -> Response:
        await tokens.revoke(visit.workspace_id, visit.path_id())
        return visit.back_to("/settings/tokens?" + urlencode({"done": "withdrawn"}))

    routes = [
        Route("/settings/tokens", ui.page("settings", index), name="tokens"),
        Route("/settings/tokens", ui.page("settings", make), methods=["POST"]),
        Route("/settings/tokens/{id:int}/withdraw", ui.page("settings", withdraw), methods=["POST"]),
    ]
    return Screen("tokens", routes, "API tokens", "/settings/tokens", "webhooks", "Settings", "settings")
