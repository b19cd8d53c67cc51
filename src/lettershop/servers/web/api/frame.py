"""What all resources of the API share: who asks, what they may do, pages by cursor, the types of fields.

Fields are checked strictly, exactly as the OpenAPI description says: unknown names, text where a number belongs and
characters that no database stores are refused with 422. What is well formed but against a rule is a 409.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Depends, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.problems import Denied, NeedsToken, TooFast
from lettershop.servers.web.audited import Acting
from lettershop.servers.web.ports import ApiMarketing, ApiServices

LARGEST = 2**63 - 1
"""Ids are 64-bit numbers."""

LARGEST_IN_JSON = 2**53 - 1
"""The largest number that every reader of JSON holds without rounding."""

WITHOUT_NUL = r"^[^\x00]*$"
"""U+0000 is no text that a database stores."""

T = TypeVar("T")

bearer = HTTPBearer(auto_error=False, description="An API token: `lettershop token create NAME --scope SCOPE`.")


class Input(BaseModel):
    """A body that is taken: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Output(BaseModel):
    """A body that is given."""

    model_config = ConfigDict(from_attributes=True)


class Page(Output, Generic[T]):
    """A piece of a list. `next_cursor` asks for the next one; null at the end."""

    items: list[T]
    next_cursor: str | None


def whole_number(value: Any) -> Any:
    """In an address everything is text: digits only, so that "1.0", " 1" and "1_0" are refused."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value):
        raise ValueError("a whole number is wanted")
    return value


def _integral(value: Any) -> Any:
    """JSON knows no integers: 5.0 is one (JSON Schema 2020-12 6.1.1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


INTEGRAL = BeforeValidator(_integral)


def _written(value: Any) -> Any:
    """Times are text; a bare number could be seconds or milliseconds."""
    if not isinstance(value, str):
        raise ValueError("a time as RFC 3339 writes it is wanted")
    return value


def words(longest: int, shortest: int = 0) -> Any:
    """The shape of a text field."""
    return Field(min_length=shortest, max_length=longest, pattern=WITHOUT_NUL)


Name = Annotated[str, words(200, 1)]
Document = Annotated[str, words(2_000_000)]
Format = Literal["html", "mjml", "markdown"]  # of a body: marketing.markup
Id = Annotated[int, Path(ge=1, le=LARGEST), BeforeValidator(whole_number)]
Moment = Annotated[
    AwareDatetime, Field(description="RFC 3339, with an offset.", strict=False), BeforeValidator(_written)
]
Search = Annotated[str, Query(max_length=200, pattern=WITHOUT_NUL, description="Text to look for.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Entries of a page."), BeforeValidator(whole_number)]
Cursor = Annotated[str | None, Query(pattern=r"^c[0-9]{1,18}$", description="`next_cursor` of the page before.")]


class Variant(Input):
    """What differs from the main content in a language; what is not named is as there."""

    subject: Annotated[str, words(998)] = ""
    preheader: Annotated[str, words(998)] = ""
    html: Document = ""
    text: Document = ""


Tag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]  # of a language: RFC 5646 2.1
Variants = Annotated[
    dict[Tag, Variant], Field(max_length=50, json_schema_extra={"additionalProperties": False})
]  # what differs in a language: marketing.languages


def variants_of(body: Input) -> dict[str, Any]:
    """`variants` as they were given, if they were: what was not named in one stays unnamed."""
    given: dict[str, Variant] | None = getattr(body, "variants", None)
    return (
        {} if given is None else {"variants": {tag: one.model_dump(exclude_unset=True) for tag, one in given.items()}}
    )


def place(cursor: str | None, start: int = 0) -> int:
    """The id that a cursor names."""
    return int(cursor[1:]) if cursor else start


def page_of(kind: type[T], found: Sequence[Any], limit: int, make: Callable[[Any], T] | None = None) -> Page[T]:
    """A page of what was found; more is there if it is full."""
    build = make or (lambda row: kind(**asdict(row)))
    last = f"c{found[-1].id}" if len(found) == limit else None
    return Page[kind](items=[build(row) for row in found], next_cursor=last)  # type: ignore[valid-type]


def services(request: Request) -> ApiServices:
    """What the API talks to."""
    found: ApiServices = request.app.state.services
    return found


def marketing(request: Request) -> ApiMarketing:
    """What it talks to of marketing; the resources that need it are there only with it."""
    found = services(request).marketing
    assert found is not None
    return found


Have = Annotated[ApiServices, Depends(services)]
HaveMarketing = Annotated[ApiMarketing, Depends(marketing)]


def may(resource: str, *, write: bool = False) -> Any:
    """The dependency that says who asks, after the check that they may."""

    async def check(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)], have: Have
    ) -> Caller:
        caller = await have.tokens.caller(given.credentials) if given else None
        if caller is None:
            raise NeedsToken("A valid API token is needed.", remedy="Send it as: Authorization: Bearer lst_…")
        if not caller.may(resource, write=write):
            action = "write" if write else "read"
            raise Denied(f"This token may not {action} {resource}.", remedy=f"It needs the scope {resource}:{action}.")
        if wait := have.rate.wait(caller.token_id):
            raise TooFast(wait)
        if write:
            request.state.acting = Acting(caller.workspace_id, "api", caller.by)
        return caller

    return Depends(check)


def operator_only(caller: Caller) -> None:
    """Raises Denied unless the token is of the operator's own workspace."""
    if not caller.operator:
        raise Denied("Only the operator's workspace may do this.", remedy="Use a token of the first workspace.")
