"""Errors of the API as application/problem+json (RFC 9457): `title` for people, `code` for machines, never more.

422  not as the description says (a field is missing, unknown, of the wrong type)
409  well formed, but against a rule or the present state; `code` names which
404, 401, 403, 405, 413, 429, 503 as usual; 500 tells nothing of the cause
"""

import re
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from lettershop.base.errors import LettershopError, NotFound, Refused, Temporary

MEDIA = "application/problem+json"


class NeedsToken(Refused):
    """No token, or one that is unknown, revoked or expired."""

    code = "token-needed"


class Denied(Refused):
    """The token may not do this."""

    code = "scope-needed"


class TooFast(Temporary):
    """More requests than the token has room for; `wait` seconds."""

    code = "too-many-requests"

    def __init__(self, wait: float) -> None:
        super().__init__("Too many requests.", remedy=f"Try again in {max(1, round(wait))} s.")
        self.wait = wait


class FieldProblem(BaseModel):
    """What is wrong with one field. `pointer`: where (RFC 6901)."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    code: str
    errors: list[FieldProblem] | None = None
    findings: list[dict[str, Any]] | None = None


WORDS = {404: "There is nothing here.", 405: "This resource does not know the method.", 413: "The body is too large."}
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, words in (
        (400, "The request cannot be read."), (401, "No valid token."), (403, "The token may not do this."),
        (404, "It does not exist in this workspace."), (405, "The method is not known here."),
        (409, "Well formed, but against a rule or the present state; `code` names which."),
        (413, "The body is too large."), (422, "Not as described here."), (429, "Too many requests."),
        (503, "It may work later."),
    )
}  # fmt: skip


def answer(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The response of a problem."""
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers=headers, media_type=MEDIA)


def install(app: FastAPI) -> None:
    """Make the application answer so."""
    handlers: list[tuple[Any, Any]] = [
        (LettershopError, _ours), (RequestValidationError, _invalid), (HTTPException, _http), (Exception, _unforeseen),
    ]  # fmt: skip
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def status_of(error: LettershopError) -> int:
    """The status of an error of ours."""
    exact = {NeedsToken: 401, Denied: 403, TooFast: 429}.get(type(error))
    if exact is not None:
        return exact
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Temporary):
        return 503
    return 500 if error.code == "internal" else 409


async def _ours(request: Request, error: LettershopError) -> Response:
    status = status_of(error)
    if status >= 500:
        structlog.get_logger("api").warning("failed", path=request.url.path, code=error.code, exc_info=error)
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if isinstance(error, TooFast):
        headers["retry-after"] = str(max(1, round(error.wait)))
    return answer(
        Problem(
            title=error.public, status=status, detail=error.remedy, code=error.code,
            findings=getattr(error, "told", None),
        ),
        headers,
    )  # fmt: skip


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    errors = [FieldProblem(pointer=_pointer(one["loc"]), detail=str(one["msg"])) for one in error.errors()]
    first = errors[0].detail if errors else ""
    return answer(
        Problem(title="The request is not as described.", status=422, detail=first, code="invalid", errors=errors)
    )


def _pointer(place: tuple[Any, ...]) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)


async def _http(request: Request, error: HTTPException) -> Response:
    title = WORDS.get(error.status_code, "The request cannot be read.")
    code = {404: "not-found", 405: "method", 413: "too-large"}.get(error.status_code, "unreadable")
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() != "allow"}
    if error.status_code == 405:
        headers["allow"] = ", ".join(_methods(request))
    return answer(Problem(title=title, status=error.status_code, code=code), headers)


def _methods(request: Request) -> list[str]:
    """All that the path knows (RFC 9110 10.2.1); the router itself names those of one route only."""
    asked = request.scope["path"]
    paths = request.app.openapi()["paths"]
    known = {
        method.upper()
        for path, methods in ({asked: paths[asked]} if asked in paths else paths).items()
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), asked)
        for method in methods
    }
    return sorted(known)


async def _unforeseen(request: Request, error: Exception) -> Response:
    structlog.get_logger("api").error("unforeseen", path=request.url.path, exc_info=error)
    return answer(Problem(title="Something went wrong on our side.", status=500, code="internal"))
