"""One's own account: the password, the code that is asked for beside it, and where one is signed in."""

from collections.abc import Awaitable, Callable
from typing import Any

import segno
from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Codes, Services
from lettershop.servers.web.requests import client

DONE = {
    "password": "The password is changed. You were signed out everywhere else.",
    "ended": "This session is over.",
    "code-off": "No code is asked for any more.",
    "others": "You are signed out everywhere else.",
    "language": "The language is changed.",
}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/me` and its commands: for everybody who is signed in."""
    users, sessions, codes = services.users, ui.sessions, services.codes

    async def page(visit: Visit, *, error: LettershopError | None = None, **shown: Any) -> Response:
        secret = sessions.secret(visit.request)
        found = [(users.is_of(one, secret), one) for one in await users.sessions(visit.who.user_id)]
        return visit.show(
            "me.html", screen="me", sessions=found, error=error, done=DONE.get(visit.query.get("done", ""), ""),
            status=status_of(error) if error else 200, square=square, chosen_language=sessions.spoken(visit.request),
            codes=await codes.standing(visit.who.user_id) if codes else None, **{"begun": None, "fresh": (), **shown},
        )  # fmt: skip

    async def index(visit: Visit) -> Response:
        return await page(visit)

    async def password(visit: Visit) -> Response:
        old, new = visit.field("old", strip=False), visit.field("new", strip=False)
        request = visit.request
        try:
            signed = await users.change_password(
                visit.who.email, old, new, ip=client(request.scope), user_agent=request.headers.get("user-agent", "")
            )
        except LettershopError as error:
            return await page(visit, error=error)
        answer = visit.back_to("/me?done=password")
        sessions.keep(request, answer, signed)
        return answer

    async def end(visit: Visit) -> Response:
        await users.end_session(visit.who.user_id, visit.field("session"))
        return visit.back_to("/me?done=ended")

    async def others(visit: Visit) -> Response:
        await users.end_other_sessions(visit.who.user_id, sessions.secret(visit.request))
        return visit.back_to("/me?done=others")

    async def language(visit: Visit) -> Response:
        answer = visit.back_to("/me?done=language")
        sessions.speak(visit.request, answer, visit.field("language"))
        return answer

    routes = [
        Route("/me/language", ui.page("", language), methods=["POST"]),
        Route("/me", ui.page("", index), name="me"),
        Route("/me/password", ui.page("", password), methods=["POST"]),
        Route("/me/sessions/end", ui.page("", end), methods=["POST"]),
        Route("/me/sessions/others", ui.page("", others), methods=["POST"]),
    ]
    if codes:
        routes += code_routes(ui, codes, page)
    return Screen("me", routes, "Your account", "/me", "person", "Settings")


def code_routes(ui: Ui, codes: Codes, page: Callable[..., Awaitable[Response]]) -> list[Route]:
    """Turning the second step on (begin, confirm by a first code) and off."""

    async def begin(visit: Visit) -> Response:
        try:
            begun = await codes.begin(visit.who.user_id, visit.who.email)
        except LettershopError as error:
            return await page(visit, error=error)
        return await page(visit, begun=begun)

    async def confirm(visit: Visit) -> Response:
        try:
            fresh = await codes.confirm(visit.who.user_id, visit.field("code"))
        except LettershopError as error:
            return await page(visit, error=error, begun=await codes.begun(visit.who.user_id, visit.who.email))
        return await page(visit, fresh=fresh)

    async def end(visit: Visit) -> Response:
        try:
            await codes.end(visit.who.user_id, visit.field("code"))
        except LettershopError as error:
            return await page(visit, error=error)
        return visit.back_to("/me?done=code-off")

    return [
        Route(f"/me/code/{name}", ui.page("", handler), methods=["POST"])
        for name, handler in (("begin", begin), ("confirm", confirm), ("end", end))
    ]


def square(address: str) -> str:
    """The address as a square code, an image within the page."""
    return segno.make(address).svg_data_uri(scale=4, light="#fff", dark="#000")
