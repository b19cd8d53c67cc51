"""What the screens ask for about people. [pure]"""
# ruff: noqa: D102 (the services themselves say what each call means)

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # marketing may be absent; then nobody asks
    from collections.abc import Sequence

    from lettershop.marketing.subscribers import Subscriber
    from lettershop.marketing.views import ContactCard, ContactLine
    from lettershop.store.lists import ListRow
    from lettershop.store.subscriptions import Consent
    from lettershop.store.views import TimelineRow


class Persons(Protocol):
    """`marketing.subscribers.Subscribers`: what is done with one person."""

    async def lists(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> "Sequence[ListRow]": ...
    async def put(
        self, workspace_id: int, address: str, *, name: str, attributes: Mapping[str, Any], tags: "Sequence[str]",
        lists: "Sequence[str]", consent: "Consent",
    ) -> "Subscriber": ...  # fmt: skip
    async def get(self, workspace_id: int, contact_id: int) -> "Subscriber": ...
    async def change(self, workspace_id: int, contact_id: int, values: Mapping[str, Any]) -> "Subscriber": ...
    async def subscribe(
        self, workspace_id: int, contact_id: int, list_name: str, consent: "Consent"
    ) -> "Subscriber": ...
    async def unsubscribe(self, workspace_id: int, contact_id: int, list_name: str) -> "Subscriber": ...
    async def erase(self, workspace_id: int, contact_id: int) -> None: ...
    async def held(self, workspace_id: int, contact_id: int) -> dict[str, Any]: ...
    def consent(self, kind: str, basis: str, source: str) -> "Consent": ...


class Contacts(Protocol):
    """People of a workspace; paged by id upwards, a timeline by id downwards."""

    async def count(self, workspace_id: int) -> int: ...
    async def page(
        self, workspace_id: int, *, query: str = "", after: int = 0, limit: int = 50
    ) -> "Sequence[ContactLine]": ...
    async def card(self, workspace_id: int, contact_id: int) -> "ContactCard": ...
    async def timeline(
        self, workspace_id: int, contact_id: int, *, before: int | None = None, limit: int = 50
    ) -> "Sequence[TimelineRow]": ...
