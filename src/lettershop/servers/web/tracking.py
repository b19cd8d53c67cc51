"""What the links in a message call, as bare ASGI: answered before routers, middleware and templates.

    GET  /o/TOKEN.gif    43 bytes, never cached                    -> marketing counts an opening
    GET  /c/TOKEN/N      302 to the campaign's own link N           -> marketing counts a click; no open redirect
    GET  /u/TOKEN        a page that changes nothing; POST unsubscribes in one step (RFC 8058)
    GET  /p/TOKEN        the preference centre; POST changes it (`preferences`)
    GET  /v/TOKEN        the message in the browser, sandboxed
    GET  /m/HASH/NAME    a picture of the media library, cached for ever
    GET  /confirm/KEY    a page that changes nothing; POST confirms a double opt-in
    GET  /subscribe/LIST the form of a public list; POST asks to join it
    GET  /archive/LIST   what was sent to a public list; /archive/LIST/feed.xml as Atom, /archive/LIST/CAMPAIGN one of it
    GET  /healthz /readyz /metrics

A counted answer goes out only after the commit of its fact: the services return after it. The plain case of the first
two does not come here: `quick` answers it in the same way. Everything else goes on to `app`. Which link a token names,
whether an opening may be kept, who is unsubscribed: that is for marketing to say.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from lettershop.base.errors import Invalid, LettershopError
from lettershop.servers.web.ports import Archive, Hit, Joining, PublicActions, ServesMedia
from lettershop.servers.web.preferences import PreferencePages
from lettershop.servers.web.public import Page, PublicPages
from lettershop.servers.web.requests import client, language_of, read_body
from lettershop.servers.web.security import HEADERS, with_defaults

PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)  # a transparent GIF of one dot
LARGEST_POST = 4096
CONFIRM = "/confirm/"
SUBSCRIBE = "/subscribe/"
ARCHIVE = "/archive/"
SIGNALS = (
    b"accept", b"accept-language", b"purpose", b"sec-purpose", b"x-purpose", b"x-moz", b"sec-fetch-dest",
    b"sec-fetch-mode", b"sec-fetch-user", b"via", b"x-forwarded-for", b"referer",
)  # fmt: skip
"""Headers that help to tell people from machines; no others are kept."""

NEVER_CACHED = (b"cache-control", b"no-store, no-cache, private, max-age=0")
FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")
ELSEWHERE = (b"cross-origin-resource-policy", b"cross-origin")  # mailboxes on the web show it
INERT = (b"content-security-policy", b"default-src 'none'; sandbox")  # whatever it is, it runs nowhere
QUIET = (b"referrer-policy", b"no-referrer")  # the address names the recipient: it must not leak to the target

Handler = Callable[[Scope, Receive, str, PublicPages], Awaitable[Page]]


class Tracking:
    """The outermost application. `actions` None: marketing is not there, these paths do not exist."""

    def __init__(
        self,
        app: ASGIApp,
        actions: PublicActions | None,
        pages: PublicPages,
        system: ASGIApp,
        asked: Callable[[str], None] | None = None,
        joining: Joining | None = None,
        media: ServesMedia | None = None,
        archive: Archive | None = None,
        preferring: PreferencePages | None = None,
    ) -> None:
        self._app = app
        self._system = system
        self._actions = actions
        self._joining = joining
        self._media = media
        self._archive = archive
        self._pages = pages
        self._handlers: dict[str, Handler] = {
            "/o/": self._open, "/c/": self._click, "/u/": self._unsubscribe, "/v/": self._view,
            "/m/": self._medium,
        }  # fmt: skip
        if preferring is not None:
            self._handlers["/p/"] = preferring.answer
        self._asked = asked or _nobody

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        handler = self._handlers.get(path[:3])
        if handler is not None:
            self._asked(path[1:2])
            await _send(send, await self._answer(handler, scope, receive, path[3:]), scope["method"])
        elif path.startswith(CONFIRM):
            await _send(send, await self._answer(self._confirm, scope, receive, path[len(CONFIRM) :]), scope["method"])
        elif path.startswith(SUBSCRIBE):
            await _send(
                send, await self._answer(self._subscribe, scope, receive, path[len(SUBSCRIBE) :]), scope["method"]
            )
        elif path.startswith(ARCHIVE):
            await _send(send, await self._answer(self._archived, scope, receive, path[len(ARCHIVE) :]), scope["method"])
        elif path in ("/healthz", "/readyz", "/metrics"):
            await self._system(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, handler: Handler, scope: Scope, receive: Receive, rest: str) -> Page:
        pages = self._pages.speaking(language_of(scope))
        if self._actions is None:
            return pages.not_found()
        try:
            return await handler(scope, receive, rest, pages)
        except LettershopError as error:
            return pages.failed(error)

    async def _open(self, scope: Scope, receive: Receive, rest: str, pages: PublicPages) -> Page:
        assert self._actions is not None
        token, dot, kind = rest.partition(".")
        if scope["method"] not in ("GET", "HEAD") or not token or (dot and kind != "gif"):
            return pages.not_found()
        if scope["method"] == "GET":  # HEAD loads no image, so nobody saw one
            await self._actions.opened(token, hit(scope))
        return pixel()

    async def _click(self, scope: Scope, receive: Receive, rest: str, pages: PublicPages) -> Page:
        assert self._actions is not None
        token, _, number = rest.partition("/")
        if scope["method"] not in ("GET", "HEAD") or not (number.isascii() and number.isdecimal() and len(number) < 7):
            return pages.not_found()
        target = await self._actions.followed(token, int(number), hit(scope))
        if target is None or not target.isascii() or "\r" in target or "\n" in target:
            return pages.not_found()
        return redirect(target)

    async def _unsubscribe(self, scope: Scope, receive: Receive, token: str, pages: PublicPages) -> Page:
        assert self._actions is not None
        if scope["method"] in ("GET", "HEAD"):  # scanners follow links: nothing changes here (RFC 8058 3.2)
            return await self._view_of(token, pages)
        if scope["method"] != "POST":
            return pages.not_allowed("GET, HEAD, POST")
        body = await read_body(receive, LARGEST_POST)
        if body is None:
            return pages.too_large()
        if is_one_click(body):
            known = await self._actions.unsubscribe(token, "one-click", client(scope))
            return pages.one_click() if known else pages.not_found()
        return await self._button(token, form_value(body, "action"), client(scope), pages)

    async def _button(self, token: str, action: str, ip: str, pages: PublicPages) -> Page:
        """A button of the page. A POST that names none is taken as the wish to leave."""
        assert self._actions is not None
        if action in ("allow-tracking", "forbid-tracking"):
            await self._actions.allow_tracking(token, action == "allow-tracking")
        elif action == "resubscribe":
            await self._actions.resubscribe(token, ip)
        else:
            action = "unsubscribe"
            await self._actions.unsubscribe(token, "page", ip)
        return await self._view_of(token, pages, action)

    async def _view_of(self, token: str, pages: PublicPages, action: str = "") -> Page:
        assert self._actions is not None
        view = await self._actions.unsubscribe_view(token)
        return pages.unsubscribe(view, action, token) if view else pages.not_found()

    async def _confirm(self, scope: Scope, receive: Receive, key: str, pages: PublicPages) -> Page:
        assert self._actions is not None
        if scope["method"] in ("GET", "HEAD"):  # scanners press every link: only the button confirms
            view = await self._actions.confirm_view(key)
        elif scope["method"] == "POST":
            seen = hit(scope)
            view = await self._actions.confirm(key, seen.ip, seen.user_agent)
        else:
            return pages.not_allowed("GET, HEAD, POST")
        return pages.confirm(view) if view is not None else pages.not_found()

    async def _subscribe(self, scope: Scope, receive: Receive, rest: str, pages: PublicPages) -> Page:
        method, language = scope["method"], language_of(scope)
        listed = number(rest)
        form = await self._joining.form(listed, language) if self._joining is not None and listed else None
        if form is None or self._joining is None:
            return pages.not_found()
        if method in ("GET", "HEAD"):
            return pages.subscribe(form)
        if method != "POST":
            return pages.not_allowed("GET, HEAD, POST")
        body = await read_body(receive, LARGEST_POST)
        if body is None:
            return pages.too_large()
        email, name = form_value(body, "email"), form_value(body, "name")
        if form_value(body, "website"):  # no person sees that field
            return pages.subscribe(form, done=True)
        seen = hit(scope)
        try:
            await self._joining.join(
                listed, email, name=name, language=language, ip=seen.ip, user_agent=seen.user_agent,
                proof=form_value(body, "proof"),
            )  # fmt: skip
        except Invalid:
            return pages.subscribe(form, error=True, email=email, name=name)
        return pages.subscribe(form, done=True)

    async def _view(self, scope: Scope, receive: Receive, rest: str, pages: PublicPages) -> Page:
        assert self._actions is not None
        if scope["method"] not in ("GET", "HEAD"):
            return pages.not_allowed("GET, HEAD")
        html = await self._actions.web_version(rest)
        return pages.web_version(html) if html is not None else pages.not_found()

    async def _archived(self, scope: Scope, receive: Receive, rest: str, pages: PublicPages) -> Page:
        """LIST, LIST/CAMPAIGN or LIST/feed.xml."""
        if scope["method"] not in ("GET", "HEAD"):
            return pages.not_allowed("GET, HEAD")
        listed, slash, which = rest.partition("/")
        list_id = number(listed)
        if self._archive is None or not list_id:
            return pages.not_found()
        if which == "feed.xml":
            feed = await self._archive.feed(list_id)
            return pages.feed(feed) if feed is not None else pages.not_found()
        if slash:
            letter = await self._archive.letter(list_id, number(which)) if number(which) else None
            return pages.web_version(letter) if letter is not None else pages.not_found()
        page = await self._archive.page(list_id, number(form_value(scope["query_string"], "before")) or None)
        return pages.archive(page) if page is not None else pages.not_found()

    async def _medium(self, scope: Scope, receive: Receive, rest: str, pages: PublicPages) -> Page:
        if scope["method"] not in ("GET", "HEAD"):
            return pages.not_allowed("GET, HEAD")
        digest = rest.partition("/")[0]
        tag = b'"' + digest.encode("ascii", "replace") + b'"'
        found = await self._media.served(digest) if self._media is not None else None
        if found is None:
            return pages.not_found()
        if any(name == b"if-none-match" and tag in value for name, value in scope["headers"]):
            return Page(304, b"", ((b"etag", tag), FOR_EVER))
        kind = (b"content-type", found.content_type.encode())
        shown = b"inline" if found.shown else b'attachment; filename="' + found.name.encode("ascii", "replace") + b'"'
        return Page(
            200, found.data, (kind, (b"content-disposition", shown), (b"etag", tag), FOR_EVER, ELSEWHERE, INERT)
        )


def number(text: str) -> int:
    """A number of ours in an address; 0 if it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def hit(scope: Scope) -> Hit:
    """What is kept of a tracked request."""
    found = {name: value for name, value in scope["headers"] if name in SIGNALS or name == b"user-agent"}
    agent = found.pop(b"user-agent", b"")
    headers = "\n".join(f"{name.decode()}: {value.decode('latin-1')[:300]}" for name, value in found.items())
    return Hit(agent.decode("latin-1")[:300], client(scope), headers, scope["method"])


def is_one_click(body: bytes) -> bool:
    """Whether a mail client pressed the button, in either form encoding (RFC 8058 3.2)."""
    if form_value(body, "List-Unsubscribe") == "One-Click":
        return True
    return b'name="List-Unsubscribe"' in body and b"One-Click" in body


def form_value(body: bytes, name: str) -> str:
    """A field of an urlencoded body, or empty."""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=20).get(name, [""])[0].strip()
    except ValueError:
        return ""


def pixel() -> Page:
    """The answer to an opening."""
    return Page(200, PIXEL, ((b"content-type", b"image/gif"), NEVER_CACHED))


def redirect(target: str) -> Page:
    """The answer to a click."""
    return Page(302, b"", ((b"location", target.encode()), NEVER_CACHED, QUIET))


def headers_of(page: Page) -> list[tuple[bytes, bytes]]:
    """All headers of an answer but the server's own."""
    return with_defaults([*page.headers, (b"content-length", str(len(page.body)).encode())], (NEVER_CACHED, *HEADERS))


async def _send(send: Send, page: Page, method: str) -> None:
    await send({"type": "http.response.start", "status": page.status, "headers": headers_of(page)})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else page.body})


def _nobody(_kind: str) -> None:
    """Nobody counts."""
