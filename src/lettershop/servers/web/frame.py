"""The frame that every screen hangs in: templates, navigation, and the one place where session, rights and tokens are checked.

A screen is a file in `pages/` with a function `screen(ui, services) -> Screen | None`; None where its service is
absent. It wraps each of its handlers in `ui.page(right, handler)`; a handler gets a `Visit` and returns a response:

    async def handler(visit: Visit) -> Response:
        return visit.show("campaigns.html", campaigns=await campaigns.page(visit.workspace_id))

A page that refreshes itself (htmx, `hx-select`) asks for itself and takes the part that moves: one template, one way.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from lettershop.base.errors import Conflict, Invalid, LettershopError, NotFound, Refused, Temporary
from lettershop.mail.users import Who
from lettershop.servers.web.assets import Assets
from lettershop.servers.web.audited import Acting
from lettershop.servers.web.drawing import bar
from lettershop.servers.web.languages import LANGUAGES, translations, wanted
from lettershop.servers.web.security import SAFE_METHODS
from lettershop.servers.web.session import Sessions
from lettershop.servers.web.words import filters

TEMPLATES = Path(__file__).parent / "templates"


class NotAllowed(Refused):
    """The role lacks the right."""

    code = "not-allowed"


class NotFromHere(Refused):
    """An unsafe request without our token, or from another site."""

    code = "not-from-here"


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen and its place in the navigation (`label` empty: it has none). `icon` is a name in static/icons.svg."""

    name: str
    routes: Sequence[Route]
    label: str = ""
    path: str = ""
    icon: str = ""
    group: str = ""
    right: str = ""


Handler = Callable[["Visit"], Awaitable[Response]]


class Ui:
    """Renders pages and guards handlers; one object per process."""

    def __init__(self, sessions: Sessions, assets: Assets, public_url: str = "") -> None:
        self.sessions = sessions
        self.assets = assets
        self.public_url = public_url
        self.screens: Sequence[Screen] = ()
        self._envs = {language: _environment(assets, language) for language in LANGUAGES}

    def page(self, right: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a handler: a session and the right come first, then for unsafe methods our token and origin."""

        async def endpoint(request: Request) -> Response:
            who = await self.sessions.who(request)
            if who is None:
                return _to_sign_in(request)
            if right and not who.may(right):
                raise NotAllowed(f"Your role ({who.role or 'none'}) does not allow this.", remedy="Ask an owner.")
            form = FormData() if request.method in SAFE_METHODS else await request.form()  # a file goes to the disk
            if request.method not in SAFE_METHODS and not self.sessions.trusted(request, who.csrf, form):
                raise NotFromHere(
                    "This form is out of date or came from another site.", remedy="Go back and try again."
                )
            request.state.acting = Acting(who.workspace_id, "screen", who.email)
            return await handler(Visit(request, who, self, form))

        return endpoint

    def render(self, template: str, *, who: Who | None = None, language: str = "en", **values: Any) -> str:
        """A template with what all of them know."""
        known: dict[str, Any] = {"who": who, "navigation": self.navigation(who), "screen": "", "theme": "", **values}
        return self._envs[language].get_template(template).render(known)

    def navigation(self, who: Who | None) -> list[tuple[str, list[Screen]]]:
        """The groups of screens that this person may see."""
        groups: dict[str, list[Screen]] = {}
        for screen in self.screens:
            if who and screen.label and (not screen.right or who.may(screen.right)):
                groups.setdefault(screen.group, []).append(screen)
        return list(groups.items())

    def theme(self, request: Request) -> str:
        """The theme that the person chose with the button: light, dark, or empty to follow the system."""
        chosen = request.cookies.get("theme", "")
        return chosen if chosen in ("light", "dark") else ""

    def language(self, request: Request) -> str:
        """The language that the person chose, or that the browser asks for; English if we do not speak it."""
        return self.sessions.spoken(request) or wanted(request.headers.get("accept-language", ""))

    def answer(
        self, template: str, request: Request, *, status: int = 200, who: Who | None = None, **values: Any
    ) -> HTMLResponse:
        """A whole page, in the theme and the language of who asks."""
        theme, language = self.theme(request), self.language(request)
        page = HTMLResponse(self.render(template, who=who, language=language, theme=theme, **values), status)
        page.headers["vary"] = "Accept-Language, Cookie"
        return page


@dataclass(frozen=True, slots=True)
class Visit:
    """A request by somebody who may make it."""

    request: Request
    who: Who
    ui: Ui
    form: FormData = field(default_factory=FormData)

    @property
    def workspace_id(self) -> int:
        """The workspace the person is in. Rights exist only inside one."""
        if self.who.workspace_id is None:
            raise NotAllowed("You are not a member of any workspace.", remedy="Ask an owner to add you.")
        return self.who.workspace_id

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters."""
        return self.request.query_params

    def path_id(self, name: str = "id") -> int:
        """A number in the path; NotFound if it is none of ours."""
        return positive(str(self.request.path_params[name])) or _not_found()

    def query_id(self, name: str) -> int | None:
        """A number in the query, or None."""
        return positive(self.query.get(name, ""))

    def field(self, name: str, *, strip: bool = True) -> str:
        """A text field of the form; a file or nothing is empty."""
        value = self.form.get(name, "")
        text = value if isinstance(value, str) else ""
        return text.strip() if strip else text

    def file(self, name: str) -> UploadFile | None:
        """A file of the form; None if none was chosen."""
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    def show(self, template: str, *, screen: str, status: int = 200, **values: Any) -> Response:
        """The page; `screen` is the one that the navigation marks."""
        return self.ui.answer(template, self.request, status=status, who=self.who, screen=screen, **values)

    def back_to(self, path: str) -> Response:
        """After an action: go and look (303, so that a reload does not repeat it)."""
        return RedirectResponse(path, 303)


def positive(text: str) -> int | None:
    """A row id from text, or None."""
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 19 else None


STATUS: tuple[tuple[type[LettershopError], int], ...] = (
    (NotFound, 404), (Conflict, 409), (Refused, 403), (Invalid, 400), (Temporary, 503)
)  # fmt: skip


def status_of(error: LettershopError) -> int:
    """The HTTP status of an error, by its branch of the tree."""
    return next((status for branch, status in STATUS if isinstance(error, branch)), 500)


def _not_found() -> int:
    raise NotFound("There is no such page.")


def _to_sign_in(request: Request) -> Response:
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    url = request.url_for("sign-in").include_query_params(next=target if request.method in SAFE_METHODS else "/")
    local = url.path + (f"?{url.query}" if url.query else "")
    if "hx-request" in request.headers:
        return Response(status_code=200, headers={"hx-redirect": local})
    return RedirectResponse(local, 303)


def _environment(assets: Assets, language: str) -> Environment:
    env = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    words = translations(language)
    env.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    env.filters.update(filters(language))
    env.globals.update(asset=assets.url, has_asset=assets.has, width=bar, language=language)
    return env
