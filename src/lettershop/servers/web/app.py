"""The composition of the web interface: services in, one ASGI application out. Nothing is kept but what is built here.

Tracking (bare: /o /c /u /v, health, metrics)
  -> SecurityHeaders -> Audited -> /api/: servers.web.api
                     -> BodyLimit -> Starlette (static files, sign-in, the screens)
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from lettershop.base.errors import LettershopError
from lettershop.servers.web.assets import Assets
from lettershop.servers.web.audited import Audited
from lettershop.servers.web.fork import Fork
from lettershop.servers.web.frame import Ui, status_of
from lettershop.servers.web.pages import SCREENS
from lettershop.servers.web.pages.design import LARGEST_PICTURE, PICTURES
from lettershop.servers.web.pages.imports import UPLOADS
from lettershop.servers.web.pages.mail_write import LARGEST, WRITE
from lettershop.servers.web.ports import Services
from lettershop.servers.web.public import PublicPages
from lettershop.servers.web.security import BodyLimit, SecurityHeaders
from lettershop.servers.web.session import Sessions
from lettershop.servers.web.system import System
from lettershop.servers.web.tracking import Tracking

STATIC = Path(__file__).parent / "static"
WORDS = {
    404: ("There is no such page.", "Perhaps it was moved; the navigation shows what there is."),
    405: ("This does not work here.", "Go back and try again."),
    413: ("This is too large.", "Send it in smaller pieces."),
}


def build(
    services: Services,
    *,
    public_url: str,
    trusted: Sequence[IPv4Network | IPv6Network] = (),
    api: ASGIApp | None = None,
    upload_limit: int = 512 * 2**20,
) -> ASGIApp:
    """The application. `public_url` is our outer name, `trusted` may read metrics beside loopback.

    `api` answers everything under /api/; `upload_limit`: bytes of a file of people.
    """
    assets = Assets(STATIC)
    ui = Ui(Sessions(services.users, public_url), assets, public_url)
    made = [make(ui, services) for make in SCREENS]
    ui.screens = [screen for screen in made if screen is not None]
    routes = [
        Route("/static/{version}/{name:path}", assets.answer),
        Route("/robots.txt", _robots),
        *(route for screen in ui.screens for route in screen.routes),
    ]
    inner = Starlette(
        routes=routes,
        middleware=[Middleware(BodyLimit, larger={WRITE: LARGEST, UPLOADS: upload_limit, PICTURES: LARGEST_PICTURE})],
        exception_handlers=_error_pages(ui),
    )
    inner.router.redirect_slashes = False
    changing = Fork("/api/", api, inner) if api else inner
    guarded = SecurityHeaders(
        Audited(changing, services.audit) if services.audit else changing
    )  # outside of Starlette, so that its own error answers have them too
    system = System(services.ready, trusted, services.measured)
    asked = services.measured.asked if services.measured else None
    return Tracking(
        guarded,
        services.actions,
        PublicPages(ui),
        system,
        asked,
        services.joining,
        services.media,
        services.archive,
        services.preferring,
    )


def _error_pages(ui: Ui) -> dict[Any, Any]:
    async def ours(request: Request, error: LettershopError) -> Response:
        status = status_of(error)
        if status >= 500:
            structlog.get_logger("web").warning("failed", path=request.url.path, code=error.code, exc_info=error)
        title, remedy = error.public, error.remedy
        return ui.answer("error.html", request, status=status, title=title, remedy=remedy)

    async def http(request: Request, error: HTTPException) -> Response:
        title, remedy = WORDS.get(error.status_code, (str(error.detail), ""))
        answer = ui.answer("error.html", request, status=error.status_code, title=title, remedy=remedy)
        answer.headers.update(error.headers or {})
        return answer

    async def unforeseen(request: Request, error: Exception) -> Response:
        structlog.get_logger("web").error("unforeseen", path=request.url.path, exc_info=error)
        title, remedy = "Something went wrong on our side.", "It was noted. Try again; if it stays, look into the log."
        return ui.answer("error.html", request, status=500, title=title, remedy=remedy)

    return {LettershopError: ours, HTTPException: http, Exception: unforeseen}


async def _robots(request: Request) -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /\n")
