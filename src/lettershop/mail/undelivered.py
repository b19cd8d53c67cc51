"""Tells the senders of stored messages that a message was given up: whoever took it owes them that (RFC 5321 6.1).

Who said more (RFC 3461) is told what was asked for: nothing, or success too, where the next server does not tell it itself.

    step: next facts of the queue (store.undelivered) > one notification per message (wire.reports.dsn) > `deliver` > cursor

The notification and the cursor lie in different databases. It is delivered first: after a crash it comes a second time,
with the same Message-ID, which is made from the fact. Run it in one process at a time.
"""

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

from lettershop.base.clock import Clock
from lettershop.base.facts import Bounced, Delivered, Withheld
from lettershop.store import factlog, undelivered
from lettershop.store.blobs import BlobMissing, Blobs
from lettershop.store.database import Database, Transaction
from lettershop.store.undelivered import GivenUp
from lettershop.wire.message.dates import format_date
from lettershop.wire.reports import dsn
from lettershop.wire.reports.dsn import Action, Failure, Notice
from lettershop.wire.reports.status import status_in

CONSUMER = "undelivered"
LOCAL = "local"
"""The receiver's name in facts of mail that stays here."""
PIECE = 200
"""Facts of one step."""
STRIDE = 1_000
"""Facts after which the cursor moves although nothing was to be told."""
MOST_HEADER = 1 << 16
"""Octets of the original from which its header is taken."""

Deliver = Callable[[str, bytes], Awaitable[None]]
"""(recipient, message): takes the notification, from the null sender. Raises `Temporary` to be asked again later; an
address that can never be served is its own affair."""

STATUS = {
    "unknown-user": "5.1.1", "inactive-user": "5.2.1", "bad-domain": "5.1.2", "mailbox-full": "5.2.2", "too-large": "5.3.4",
    "expired": "4.4.7", "network": "4.4.1", "loop": "5.4.6", "relay-denied": "5.7.1", "policy": "5.7.1", "content": "5.7.1",
}  # fmt: skip
"""Enhanced status codes (RFC 3463) for reasons, where the answer has none of its own."""

WITHHELD = {
    "suppressed": "This address is on the list of addresses that must not be written to. An administrator can take it off.",
    "too-late": "It waited longer than messages may wait.",
    "removed": "An administrator took it out of the queue.",
    "message-gone": "The message was lost on the server. Send it again, and tell the administrator.",
}


class Undelivered:
    """The consumer; `hostname` stands in the notifications as the reporting server."""

    def __init__(self, main: Database, blobs: Blobs, clock: Clock, deliver: Deliver, *, hostname: str) -> None:
        self._main = main
        self._blobs = blobs
        self._clock = clock
        self._deliver = deliver
        self._hostname = hostname

    async def step(self) -> bool:
        """Tell the next ones; True if there may be more. Raises what `deliver` raises: nothing is passed over."""
        since = await self._main.read(factlog.position, CONSUMER, undelivered.LOG)
        found, to = await self._main.read(undelivered.read_since, since, PIECE)
        wanted = [person for person in found if _is_told(person)]
        for _, group in groupby(sorted(wanted, key=_message), key=_message):
            await self._tell(list(group))
        if found or to >= since + STRIDE:
            await self._main.write(_advance, since, to)
        return len(found) == PIECE

    async def _tell(self, people: Sequence[GivenUp]) -> None:
        first = people[0]
        notice = Notice(
            reporter=self._hostname, recipient=first.mail_from, date=format_date(self._clock.now()),
            message_id=f"undelivered.{first.fact_id}@{self._hostname}", boundary=self._clock.token(16).hex(),
            arrival=format_date(first.created_at), action=_action(first), envid=first.wish.envid,
            full=first.wish.ret == "FULL" and _action(first) == "failed",  # RFC 3461 4.3
        )  # fmt: skip
        original = await (whole_of if notice.full else header_of)(self._blobs, first.blob)
        await self._deliver(first.mail_from, dsn.compose(notice, [_failure(person) for person in people], original))


async def header_of(blobs: Blobs, blob: str) -> bytes:
    """The beginning of a stored message, in which its header is; empty if the message is gone."""
    try:
        return await blobs.get_range(blob, 0, MOST_HEADER)
    except BlobMissing:
        return b""


async def whole_of(blobs: Blobs, blob: str) -> bytes:
    """A stored message; empty if it is gone."""
    try:
        return await blobs.get(blob)
    except BlobMissing:
        return b""


def status_of(answer: str, reason: str, otherwise: str) -> str:
    """The enhanced code of an answer, else that of its reason."""
    return status_in(answer) or STATUS.get(reason, otherwise)


def _advance(tx: Transaction, since: int, to: int) -> None:
    factlog.advance(tx, CONSUMER, undelivered.LOG, since=since, to=to)


def _message(person: GivenUp) -> tuple[int, Action]:
    return person.outgoing_id, _action(person)


def _action(person: GivenUp) -> Action:
    if not isinstance(person.fact, Delivered):
        return "failed"
    return "delivered" if person.fact.mx == LOCAL else "relayed"


def _is_told(person: GivenUp) -> bool:
    if isinstance(person.fact, Delivered):
        return person.fact.relayed  # else the next server does it (RFC 3461 5.2.1)
    return person.wish.wants("FAILURE")


def _failure(person: GivenUp) -> Failure:
    fact, original = person.fact, person.wish.orcpt
    if isinstance(fact, Delivered):
        remote = "" if fact.mx == LOCAL else fact.mx
        answer = f"{fact.code} {fact.text}" if remote else ""
        return Failure(person.address, "2.0.0", answer, remote, last_attempt=format_date(fact.at), original=original)
    if isinstance(fact, Bounced):
        answer = f"{fact.code} {fact.text}".strip() if fact.code else fact.text
        status = status_of(answer, fact.reason, "5.0.0" if fact.code >= 500 else "4.0.0")
        address = fact.address or person.address
        return Failure(address, status, answer, fact.mx, fact.advice, format_date(fact.at), original=original)
    reason = fact.reason if isinstance(fact, Withheld) else ""
    status = "5.7.1" if reason == "suppressed" else "5.3.0"
    return Failure(person.address, status, advice=WITHHELD.get(reason, ""), original=original)
