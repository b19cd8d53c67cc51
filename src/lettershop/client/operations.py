"""The kinds of operations, as descriptors: a line in a resource's class is a typed method of its objects.

    get = Fetch("/campaigns/{}", Campaign)          campaigns.get(7) -> Campaign
    all = Listing("/campaigns", CampaignLine)       campaigns.all(query="spring") -> Iterator[CampaignLine]
    create = Send("POST", "/campaigns", NewCampaign, Campaign)
    pause = Act("POST", "/campaigns/{}/pause", Campaign)

What fills the `{}` is given in order; the query by name.
"""

from collections.abc import Callable, Iterator
from functools import partial
from json import loads
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, TypeAdapter

from lettershop.client.connection import Connection, Value, filled

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
B = TypeVar("B", bound=BaseModel)
B_contra = TypeVar("B_contra", bound=BaseModel, contravariant=True)


class Resource:
    """A group of operations on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Asking(Protocol[R_co]):
    """An operation without a body."""

    def __call__(self, *where: int | str, **query: Value) -> R_co:
        """Ask; the path's parts in order, the query by name."""


class Sending(Protocol[B_contra, R_co]):
    """An operation with a body, the last argument. `key`: an Idempotency-Key, to say it again tomorrow."""

    def __call__(self, *where: "int | str | B_contra", key: str | None = None) -> R_co:
        """Send; the path's parts in order, then the body."""


class Operation:
    """What all kinds have: `kind` of the answer's JSON, None for nothing."""

    def __init__(self, method: str, path: str, kind: Any, body: type[BaseModel] | None = None) -> None:
        self.method, self.path, self.kind, self.body = method, path, kind, body
        self._read = TypeAdapter(kind).validate_json if kind is not None and kind is not bytes else None

    def understood(self, content: bytes) -> Any:
        """The answer as a value."""
        return self._read(content) if self._read is not None else content if self.kind is bytes else None

    def ask(self, resource: Resource, *where: int | str, **query: Value) -> Any:
        """Without a body."""
        return self.understood(resource.connection.ask(self.method, filled(self.path, where), query))


class Act(Operation, Generic[R]):
    """Something is done, or read; the answer is of the type R."""

    def __init__(self, method: str, path: str, kind: type[R]) -> None:
        super().__init__(method, path, kind)

    def __get__(self, resource: Resource, owner: type[Resource]) -> Asking[R]:
        return partial(self.ask, resource)


class Fetch(Act[R]):
    """Something is read."""

    def __init__(self, path: str, kind: type[R]) -> None:
        super().__init__("GET", path, kind)


class Remove(Operation):
    """Something is deleted."""

    def __init__(self, path: str) -> None:
        super().__init__("DELETE", path, None)

    def __get__(self, resource: Resource, owner: type[Resource]) -> Asking[None]:
        return partial(self.ask, resource)


class Listing(Operation, Generic[R]):
    """A list in pages; each next one is asked for when it is needed."""

    def __init__(self, path: str, kind: type[R]) -> None:
        super().__init__("GET", path, kind)
        self._items = TypeAdapter(list[kind])  # type: ignore[valid-type]

    def __get__(self, resource: Resource, owner: type[Resource]) -> Asking[Iterator[R]]:
        return partial(self._pages, resource)

    def _pages(self, resource: Resource, *where: int | str, **query: Value) -> Iterator[R]:
        path = filled(self.path, where)
        while True:
            page = loads(resource.connection.ask(self.method, path, query))
            yield from self._items.validate_python(page["items"])
            if not page["items"] or not page.get("next_cursor"):  # logs name a cursor to go on from tomorrow
                return
            query["cursor"] = page["next_cursor"]


class Send(Operation, Generic[B, R]):
    """A body of the type B is sent; only the fields that were given."""

    def __init__(self, method: str, path: str, body: type[B], kind: type[R]) -> None:
        super().__init__(method, path, kind, body)

    def __get__(self, resource: Resource, owner: type[Resource]) -> Sending[B, R]:
        return partial(self._send, resource)

    def _send(self, resource: Resource, *where: "int | str | B", key: str | None = None) -> Any:
        *parts, body = where
        if self.body is None or not isinstance(body, self.body):
            raise TypeError(f"The last argument is the body, a {self.body.__name__ if self.body else ''}.")
        path = filled(self.path, [part for part in parts if isinstance(part, int | str)])
        sent = body.model_dump_json(exclude_unset=True, by_alias=True).encode()
        return self.understood(resource.connection.ask(self.method, path, None, sent, key=key))


class Upload(Operation, Generic[R]):
    """A file is sent as it is; how it is to be read is said in the query."""

    def __init__(self, path: str, kind: type[R]) -> None:
        super().__init__("POST", path, kind)

    def __get__(self, resource: Resource, owner: type[Resource]) -> Callable[..., R]:
        return partial(self._upload, resource)

    def _upload(self, resource: Resource, content: bytes, **query: Value) -> Any:
        media = "application/octet-stream"
        return self.understood(resource.connection.ask(self.method, self.path, query, content, media))
