"""Tells senders that a message takes longer: once a recipient, after `delivery.warn_after` seconds (RFC 3464, "delayed").

    step: every minute, what waits that long and was not told of > one notification per message (wire.reports.dsn)
          > `deliver` > the fact that it was told

Only stored messages are told of; of a campaign the report tells. As in `mail.undelivered` the notification is delivered
first: after a crash it comes a second time, with the same Message-ID. Run it in one process at a time.
"""

from collections.abc import Sequence
from itertools import groupby

from lettershop.base.clock import Clock
from lettershop.base.facts import DelayTold
from lettershop.mail.undelivered import Deliver, header_of, status_of
from lettershop.store import delayed
from lettershop.store.blobs import Blobs
from lettershop.store.database import Database, Transaction
from lettershop.store.delayed import Late
from lettershop.wire.message.dates import format_date
from lettershop.wire.reports import dsn
from lettershop.wire.reports.dsn import Failure, Notice

EVERY = 60.0
"""Seconds between two looks."""
PIECE = 200
"""Recipients of one step."""
UNTRIED = "It was not tried yet: the other server is not reached or takes less than waits for it."


class Delayed:
    """See the module; `hostname` stands in the notifications as the reporting server. `after`: 0 tells nobody."""

    def __init__(
        self, main: Database, blobs: Blobs, clock: Clock, deliver: Deliver, *, hostname: str, after: float
    ) -> None:
        self._main = main
        self._blobs = blobs
        self._clock = clock
        self._deliver = deliver
        self._hostname = hostname
        self._after = after
        self._looked_at = float("-inf")

    async def step(self) -> bool:
        """Tell the next ones; True if there may be more. Raises what `deliver` raises: they are told later."""
        now = self._clock.now()
        if not self._after or now < self._looked_at + min(EVERY, self._after):
            return False
        late = await self._main.read(delayed.untold, now - self._after, now, PIECE)
        for _, group in groupby(late, key=_message):
            await self._tell(list(group), now)
        if len(late) == PIECE:
            return True
        self._looked_at = now
        return False

    async def _tell(self, people: Sequence[Late], now: float) -> None:
        first = people[0]
        notice = Notice(
            reporter=self._hostname, recipient=first.mail_from, date=format_date(now),
            message_id=f"delayed.{first.envelope_id}@{self._hostname}", boundary=self._clock.token(16).hex(),
            arrival=format_date(first.created_at), action="delayed", envid=first.wish.envid,
        )  # fmt: skip
        original = await header_of(self._blobs, first.blob)
        await self._deliver(first.mail_from, dsn.compose(notice, [_person(one) for one in people], original))
        await self._main.write(_told, people, now)


def _told(tx: Transaction, people: Sequence[Late], now: float) -> None:
    for one in people:
        tx.fact(
            DelayTold(at=now, workspace_id=one.workspace_id, envelope_id=one.envelope_id, address=one.address,
                      sender=one.mail_from)
        )  # fmt: skip


def _message(one: Late) -> int:
    return one.outgoing_id


def _person(one: Late) -> Failure:
    fact = one.deferred
    until = format_date(one.expires_at)
    if fact is None:
        return Failure(one.address, "4.4.1", advice=UNTRIED, until=until, original=one.wish.orcpt)
    answer = f"{fact.code} {fact.text}".strip()
    return Failure(
        one.address, status_of(answer, fact.reason, "4.0.0"), answer, fact.mx, last_attempt=format_date(fact.at),
        until=until, original=one.wish.orcpt,
    )  # fmt: skip
