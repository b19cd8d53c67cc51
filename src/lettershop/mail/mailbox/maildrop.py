"""INBOX as POP3 sees it: numbered once, deleted at the end of the session."""

from collections.abc import Iterator

from lettershop.base.errors import NotFound
from lettershop.mail.mailbox.selected import Selected, select
from lettershop.mail.mailbox.service import Mailboxes
from lettershop.store import messages
from lettershop.wire.message.headers import find_body


class MessageGone(NotFound):
    """Another session deleted the message."""

    code = "message-gone"


class Maildrop:
    """The messages of an INBOX at one moment; numbers begin at 1."""

    def __init__(self, selected: Selected) -> None:
        self._selected = selected
        self._uids = tuple(selected.view.uids)
        self._sizes = tuple(selected.index.sizes)
        self._generation = selected.index.box.uid_validity
        self._deleted: set[int] = set()

    @classmethod
    async def open(cls, mailboxes: Mailboxes, account_id: int) -> "Maildrop":
        """The account's; what it finds stays new for IMAP."""
        return cls(await select(mailboxes, account_id, "INBOX", read_only=False, claim=False))

    @property
    def count(self) -> int:
        """How many messages there were at the beginning."""
        return len(self._uids)

    def has(self, number: int) -> bool:
        """Whether the number is in use and not deleted."""
        return 0 < number <= len(self._uids) and number not in self._deleted

    def sizes(self) -> Iterator[tuple[int, int]]:
        """(number, size) of those that are not deleted."""
        return ((number, size) for number, size in enumerate(self._sizes, 1) if number not in self._deleted)

    def size(self, number: int) -> int:
        """Bytes of a message."""
        return self._sizes[number - 1]

    def unique_id(self, number: int) -> str:
        """A name that no other message of this mailbox ever has (RFC 1939 7)."""
        return f"{self._generation}.{self._uids[number - 1]}"

    async def message(self, number: int) -> tuple[bytes, int]:
        """The bytes, and where the body begins; raises MessageGone."""
        uid = self._uids[number - 1]
        service = self._selected.service
        found = await service.db.read(
            messages.contents, self._selected.mailbox_id, messages.Chosen(uid, uid), ("blob",)
        )  # fmt: skip
        if uid not in found:
            raise MessageGone("The message is there no more.")
        data = await service.blobs.get(found[uid])
        return data, find_body(data)[1]

    def delete(self, number: int) -> None:
        """Mark for `remove_deleted`."""
        self._deleted.add(number)

    def reset(self) -> None:
        """Unmark all."""
        self._deleted.clear()

    async def remove_deleted(self) -> None:
        """Take the marked ones out for good, in one commit."""
        if self._deleted:
            await self._selected.remove([number - 1 for number in sorted(self._deleted)])
