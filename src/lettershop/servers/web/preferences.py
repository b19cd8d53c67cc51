"""The preference centre's requests: `/p/TOKEN` from a mail, `/p/request/KEY` from the mail that it sends. Works without JavaScript.

A GET changes nothing (scanners follow links); every POST is a button. Rules are in `marketing.preferences`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs

import orjson
from starlette.types import Receive, Scope

from lettershop.base.errors import NotFound
from lettershop.servers.web.public import Page, PublicPages
from lettershop.servers.web.requests import client, language_of, read_body

if TYPE_CHECKING:  # marketing may be absent; then nobody asks
    from lettershop.marketing.preferences import PreferencesView, RequestView, Wanted

REQUEST = "request/"
LARGEST = 16_384
METHODS = "GET, HEAD, POST"


class Preferring(Protocol):
    """`marketing.preferences.Preferences`."""

    async def view(self, token: str) -> "PreferencesView | None":
        """What the page shows."""

    async def save(self, token: str, wanted: "Wanted", ip: str) -> bool:
        """Do what the form says."""

    async def ask(self, token: str, kind: str, language: str) -> bool:
        """Send the mail that proves whose mailbox it is."""

    async def opened(self, key: str) -> "RequestView | None":
        """What the link of that mail shows."""

    async def data(self, key: str) -> dict[str, Any] | None:
        """Everything that is held."""

    async def erase(self, key: str) -> bool:
        """Erase the person."""


class PreferencePages:
    """`wanted` makes the value of a form; it is marketing's."""

    def __init__(self, service: Preferring, wanted: "Callable[..., Wanted]") -> None:
        self._service = service
        self._wanted = wanted

    async def answer(self, scope: Scope, receive: Receive, rest: str, pages: PublicPages) -> Page:
        """The answer to a request below /p/."""
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return pages.not_allowed(METHODS)
        body = await read_body(receive, LARGEST) if scope["method"] == "POST" else b""
        if body is None:
            return pages.too_large()
        if rest.startswith(REQUEST):
            return await self._request(scope, rest[len(REQUEST) :], pages)
        done = await self._button(rest, fields_of(body), scope) if scope["method"] == "POST" else ""
        view = await self._service.view(rest)
        return pages.preferences(view, done) if view is not None else pages.not_found()

    async def _button(self, token: str, fields: dict[str, list[str]], scope: Scope) -> str:
        action = fields.get("action", [""])[0]
        if action in ("data", "erase"):
            done = await self._service.ask(token, action, language_of(scope))
            return action if done else ""
        wanted = self._wanted(
            topics=frozenset(map(_number, fields.get("topic", []))), every_days=_number(fields.get("every", ["0"])[0]),
            pause_days=_number(fields.get("pause", [""])[0], -1), tracking=_yes_or_no(fields.get("tracking", [""])[0]),
        )  # fmt: skip
        return "saved" if await self._service.save(token, wanted, client(scope)) else ""

    async def _request(self, scope: Scope, key: str, pages: PublicPages) -> Page:
        view = await self._service.opened(key)
        if view is None:
            raise NotFound("This link is too old.", remedy="Ask for a new one by the link in one of our mails.")
        if scope["method"] != "POST":
            return pages.data_request(view)
        if view.kind == "erase":
            await self._service.erase(key)
            return pages.data_request(view, done=True)
        held = orjson.dumps(await self._service.data(key), option=orjson.OPT_INDENT_2)
        headers = (
            (b"content-type", b"application/json"), (b"content-disposition", b'attachment; filename="my-data.json"'),
            (b"cache-control", b"no-store"),
        )  # fmt: skip
        return Page(200, held, headers)


def fields_of(body: bytes) -> dict[str, list[str]]:
    """The fields of an urlencoded body; none if it is not one."""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=500)
    except ValueError:
        return {}


def _number(text: str, otherwise: int = 0) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else otherwise


def _yes_or_no(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)
