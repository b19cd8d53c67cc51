"""What the screens of the inbox ask for. [pure]"""
# ruff: noqa: D102 (the services themselves say what each call and field means)

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # marketing may be absent; then nobody asks for what it shows
    from lettershop.marketing.inbox import Talk
    from lettershop.store.conversations import Conversation


class Conversations(Protocol):
    """`marketing.inbox.Inbox`."""

    async def page(
        self, workspace_id: int, *, state: str = "", campaign_id: int | None = None, query: str = "",
        before: int | None = None, limit: int = 50,
    ) -> "Sequence[Conversation]": ...  # fmt: skip
    async def count_open(self, workspace_id: int) -> int: ...
    async def talk(self, workspace_id: int, conversation_id: int) -> "Talk": ...
    async def answer(
        self, workspace_id: int, conversation_id: int, text: str, *, by: str, once: str, done: bool = False
    ) -> None: ...
    async def set_done(self, workspace_id: int, conversation_ids: Sequence[int], *, done: bool) -> int: ...
