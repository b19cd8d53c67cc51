"""What a conversation knows, and how it speaks: state for the handlers, no command.

News of the open mailbox are told here, in the order that keeps the client's numbers right (RFC 9051 7.5): EXPUNGE, then
EXISTS, then changed flags.
"""

from dataclasses import dataclass

from lettershop.base.errors import Conflict, LettershopError, Refused, Temporary
from lettershop.mail.mailbox.content import UnknownEncoding, flags_page
from lettershop.mail.mailbox.selected import ReadOnly, Selected
from lettershop.mail.mailbox.service import OverQuota
from lettershop.mail.mailbox.state import Updates
from lettershop.net.stream import Link
from lettershop.servers.clients import Services
from lettershop.store.mailboxes import MailboxExists, NoMailbox
from lettershop.wire.imap import format as form
from lettershop.wire.imap.fetch import flag_answers
from lettershop.wire.imap.names import BadName, decode_name
from lettershop.wire.imap.server import ServerMachine
from lettershop.wire.sasl import Principal


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator has set: the name in the greeting, and the largest message that APPEND takes, in bytes."""

    hostname: str
    append_limit: int = 52_428_800


@dataclass(frozen=True, slots=True)
class Done:
    """The tagged answer: status, words, and the response code without brackets. `own`: the modseq of changes that the
    command made and has told of."""

    text: str
    code: str = ""
    status: str = "OK"
    own: int = 0


class Context:
    """One conversation."""

    def __init__(self, services: Services, settings: Settings, link: Link) -> None:
        self.services = services
        self.settings = settings
        self.link = link
        self.machine = ServerMachine()
        self.principal: Principal | None = None
        self.selected: Selected | None = None
        self.condstore = False
        self.rev2 = False
        self.failures = 0
        self.tag = ""  # of the command that is being done
        self.uid = False  # it is a UID command
        self._known_words: set[str] = set()
        self._out: list[bytes] = []

    # -- who and where ----------------------------------------------------------------------------------------------

    @property
    def account_id(self) -> int:
        """Whose mailboxes; only after the log-in."""
        assert self.principal is not None, "the table lets nobody in before"
        return self.principal.account_id

    @property
    def open(self) -> Selected:
        """The open mailbox; only in the selected state."""
        assert self.selected is not None, "the table lets nobody in before"
        return self.selected

    @property
    def clear(self) -> bool:
        """Whether a log-in is refused since everybody could read the password."""
        return self.link.tls is None and not self.services.may_login_in_clear(self.link.peer.ip)

    def name(self, raw: bytes) -> str:
        """A mailbox name from a command; raises BadName."""
        return decode_name(raw, utf8=self.rev2)

    # -- speaking ---------------------------------------------------------------------------------------------------

    def say(self, data: bytes) -> None:
        """Send with the next `flush`."""
        self._out.append(data)

    def untagged(self, text: str) -> None:
        """An untagged line."""
        self._out.append(f"* {text}\r\n".encode())

    async def flush(self) -> None:
        """Send what was said, and wait for a slow peer."""
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            await self.link.send(data)

    def opened(self, selected: Selected | None) -> None:
        """Another mailbox is open now, or none."""
        self.selected = selected
        self._known_words = set(selected.index.keywords()) if selected else set()

    # -- news -------------------------------------------------------------------------------------------------------

    async def tell_news(self, *, refresh: bool, expunge: bool = True, own: int = 0) -> None:
        """Tell what happened in the open mailbox; changes under modseq `own` are known to the client."""
        if self.selected is not None:
            self._tell(self.selected, await self.selected.catch_up(refresh=refresh, expunge=expunge, own=own))

    def _tell(self, selected: Selected, updates: Updates) -> None:
        for number in updates.expunged:
            self.say(b"* %d EXPUNGE\r\n" % number)
        if updates.exists is not None:
            self.say(b"* %d EXISTS\r\n" % updates.exists)
            if not self.rev2:
                self.say(b"* %d RECENT\r\n" % len(selected.recent))
            self.tell_keywords(updates.arrived)
        self.tell_flags(updates.changed)

    def tell_flags(self, uids: list[int]) -> None:
        """The flags of these messages."""
        if uids:
            self.tell_keywords(uids)
            page = flags_page(self.open, uids)
            self.say(flag_answers(page, uid=self.uid or self.rev2, modseq=self.condstore))

    def tell_keywords(self, uids: list[int]) -> None:
        """A new FLAGS answer if these messages have keywords that the client has not heard of (RFC 9051 7.3.5)."""
        index = self.open.index
        texts = {index.words[place] for uid in uids if (place := index.find(uid)) is not None}
        words = {word for text in texts for word in text.split()}
        if not words <= self._known_words:
            self._known_words |= words
            self.say(flags_line(sorted(self._known_words)))


def flags_line(words: list[str]) -> bytes:
    """* FLAGS (…): the system flags and these keywords."""
    return b"* FLAGS (%b)\r\n" % b" ".join([*form.SYSTEM_FLAGS, *(word.encode() for word in words)])


def refusal(error: LettershopError, *, target: bool = False) -> Done:
    """An error as a tagged NO; `target`: a missing mailbox may be made and the command said again (RFC 9051 7.1)."""
    if isinstance(error, NoMailbox):
        return Done(error.public, "TRYCREATE" if target else "NONEXISTENT", "NO")
    for kind, code in _CODES:
        if isinstance(error, kind):
            return Done(error.public, code, "NO")
    return Done(error.public, status="NO")


_CODES: tuple[tuple[type[LettershopError], str], ...] = (
    (MailboxExists, "ALREADYEXISTS"),  # RFC 5530 3
    (OverQuota, "OVERQUOTA"),
    (ReadOnly, "READ-ONLY"),
    (UnknownEncoding, "UNKNOWN-CTE"),
    (BadName, "CANNOT"),
    (Conflict, "CANNOT"),
    (Refused, "NOPERM"),
    (Temporary, "UNAVAILABLE"),
)
