"""One kept connection to the API. What is safe to say again is said again: every write carries an Idempotency-Key.

    ask(method, path, query, body) -> the answer's bytes; ApiProblem for what the server refuses, Unreachable for silence

A 429 or 503 is waited out as Retry-After says, a few times; so is a connection that broke.
"""

import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from json import loads
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

PREFIX = "/api/v1"
LATER = frozenset({429, 503})
LONGEST_WAIT = 30.0
"""Seconds that are waited at most before another try."""

Value = str | int | float | bool | None | Sequence[str]


class ApiProblem(Exception):
    """The server's refusal (RFC 9457). `code` is stable; `title` and `detail` are for people."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.title = str(problem.get("title", f"HTTP {status}"))
        self.detail = str(problem.get("detail", ""))
        self.errors: list[dict[str, Any]] = problem.get("errors") or []
        self.findings: list[dict[str, Any]] = problem.get("findings") or []
        super().__init__(f"{self.title} {self.detail}".strip())


class Unreachable(Exception):
    """No answer came, also after several tries."""


class Connection:
    """See the module. `base` is the server's address, `tries` how often something is said at most."""

    def __init__(self, base: str, token: str, *, timeout: float = 30.0, tries: int = 4) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("The server's address begins with https:// (or http://) and has a host.")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._http = kind(parts.hostname, parts.port, timeout=timeout)
        self._root = parts.path.rstrip("/") + PREFIX
        self._token = token
        self._tries = max(1, tries)

    def ask(
        self, method: str, path: str, query: Mapping[str, Value] | None = None, body: bytes | None = None,
        media: str = "application/json", key: str | None = None,
    ) -> bytes:  # fmt: skip
        """The body of the answer. `key`: the Idempotency-Key of a write; without one, each call has its own."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = media
        if method != "GET":
            headers["Idempotency-Key"] = key or uuid4().hex
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        target = f"{self._root}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")
        status, retry_after, content = self._persist(method, target, body, headers)
        if status < 400:
            return content
        raise (
            ApiProblem(status, _problem(content))
            if status not in LATER
            else ApiProblem(
                status,
                {"title": "The server is busy.", "detail": f"It asks to wait {retry_after} s.", **_problem(content)},
            )
        )

    def _persist(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, float, bytes]:
        for left in range(self._tries - 1, -1, -1):
            try:
                self._http.request(method, target, body, headers)
                answer = self._http.getresponse()
                status, wait, content = answer.status, _wait(answer), answer.read()
            except (OSError, HTTPException) as error:
                self._http.close()  # the next try opens it anew
                if not left:
                    raise Unreachable(f"{self._http.host} does not answer: {error or type(error).__name__}") from error
                wait, status, content = 0.2 * 2 ** (self._tries - left - 1), 0, b""
            if status and (status not in LATER or not left):
                return status, wait, content
            time.sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Hang up."""
        self._http.close()


def filled(path: str, where: Sequence[int | str]) -> str:
    """A path with its `{}` filled in; what is filled in is one segment."""
    return path.format(*(quote(str(part), safe="@") for part in where))


def _wait(answer: HTTPResponse) -> float:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdecimal() else 1.0


def _text(value: Value) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _problem(content: bytes) -> dict[str, Any]:
    try:
        found = loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
