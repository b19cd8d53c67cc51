"""Joining a list by a form: at once where the list says so, else by double opt-in with the confirmation as proof.

    request > contact known or made, status "pending", a secret for the mail  (at most `REQUESTS` a day and person)
    view    > what the page of the link shows; a GET changes nothing (scanners press every link)
    confirm > subscription, consent with the whole request as proof, fact; one transaction

The mail itself is sent by whoever asks: `OptInRequest.key` goes into the link /confirm/KEY, `sent` notes the mail.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound
from lettershop.marketing.addresses import check_address
from lettershop.marketing.attribute_desk import checked_values
from lettershop.marketing.quoted import clean
from lettershop.store import attributes, contacts, opt_ins, subscriptions, suppressions
from lettershop.store.contacts import NewContact
from lettershop.store.database import Database, Transaction
from lettershop.store.opt_ins import Asked, OptIn
from lettershop.store.subscriptions import Consent

VALID = 7 * 86_400.0
"""Seconds for which the link of a request can be pressed."""

REQUESTS = 3
DAY = 86_400.0


class ListUnknown(NotFound):
    """There is no such list in this workspace."""

    code = "list-unknown"


@dataclass(frozen=True, slots=True)
class OptInRequest:
    """What became of a request. `key` is for the link in the mail; empty: no mail is to be sent.

    `state`: subscribed (no confirmation needed, or it was so already), waiting, or held: too many requests, or a
    suppressed address. The person is told the same words in every case, so that a form tells nobody who is on a list.
    """

    id: int
    contact_id: int
    email: str
    list_name: str
    key: str
    state: str


class OptIns:
    """See the module."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    async def request(
        self, workspace_id: int, list_id: int, address: str, *, name: str = "",
        values: Mapping[str, object] | None = None, asked: Asked = Asked(),
    ) -> OptInRequest:  # fmt: skip
        """Somebody wants to join a list. Raises InvalidAddress, ListUnknown, NotOfItsKind."""
        checked = check_address(address.strip())
        key = self._clock.token(24).hex()
        wanted = (str(checked), checked.key, checked.domain, clean(name).strip()[:200], dict(values or {}))
        return await self._main.write(_request, workspace_id, list_id, wanted, key, asked, self._clock.now())

    async def sent(self, opt_in_id: int, message: str) -> None:
        """The mail was handed over; `message` is its Message-ID or where it is kept."""
        await self._main.write(opt_ins.sent, opt_in_id, message, self._clock.now())

    async def view(self, key: str) -> OptIn | None:
        """What the page of a link shows; None: no such request, or too old. Changes nothing."""
        found = await self._main.read(opt_ins.by_hash, hashed(key))
        return None if found is None or (found.confirmed_at is None and found.expires_at < self._clock.now()) else found

    async def confirm(self, key: str, asked: Asked = Asked()) -> OptIn | None:
        """The button was pressed: subscribed, with proof. None: no such request, or too old."""
        return await self._main.write(opt_ins.confirm, hashed(key), asked, self._clock.now())


def hashed(key: str) -> str:
    """How a secret is kept."""
    return hashlib.sha256(key.encode()).hexdigest()


def _request(
    tx: Transaction, workspace_id: int, list_id: int, wanted: tuple[str, str, str, str, dict[str, Any]], key: str,
    asked: Asked, at: float,
) -> OptInRequest:  # fmt: skip
    found = subscriptions.list_by_id(tx.conn, workspace_id, list_id)
    if found is None:
        raise ListUnknown(f"There is no list {list_id}.")
    email, email_key, domain, name, values = wanted
    given = checked_values(attributes.kinds(tx.conn, workspace_id), values)
    person = NewContact(email, email_key, domain, name, {k: v for k, v in given.items() if v is not None})
    # an address that is known is not changed by whoever types it into a form
    contact_id = contacts.ensure(tx, workspace_id, person, at, source=asked.form or "form")
    told = (contact_id, email, found.name)
    if subscriptions.statuses(tx.conn, contact_id).get(found.name) == subscriptions.SUBSCRIBED:
        return OptInRequest(0, *told, "", "subscribed")
    if _held(tx, workspace_id, contact_id, email_key, list_id, at):
        return OptInRequest(0, *told, "", "held")
    if not found.double_opt_in:
        consent = Consent("express", asked.text or "asked for it", "form", asked.ip, form=asked.form, text=asked.text)
        if not subscriptions.resubscribe(tx, contact_id, list_id, consent=consent, at=at):
            subscriptions.join(tx, workspace_id, list_id, [contact_id], consent, at)
        return OptInRequest(0, *told, "", "subscribed")
    opt_in_id = opt_ins.request(tx, workspace_id, contact_id, list_id, hashed(key), asked, at, at + VALID)
    return OptInRequest(opt_in_id, *told, key, "waiting")


def _held(tx: Transaction, workspace_id: int, contact_id: int, email_key: str, list_id: int, at: float) -> bool:
    entry = suppressions.suppressed(tx.conn, workspace_id, [email_key]).get(email_key)
    if entry is not None and entry.reason != "unsubscribed":
        return True
    return opt_ins.requested_since(tx.conn, contact_id, list_id, at - DAY) >= REQUESTS
