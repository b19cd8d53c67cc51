"""The preference centre: which topics, how often, a pause, whether openings are recorded; one's own data, and erasure.

    /p/TOKEN            the link in every mail > `view`, `save`, `ask`
    ask (data, erase)   a mail to the address itself, with a link that is good for a day > `opened`, `data`, `erase`

A link of a newsletter may be forwarded, so it never shows or erases data by itself: who presses must read the mailbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Temporary
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.marketing.consent import hashed
from lettershop.marketing.letter import Letter, Person
from lettershop.marketing.privacy import Privacy
from lettershop.marketing.public import masked
from lettershop.marketing.transactional import Transactional
from lettershop.store import campaigns, contacts, preferences, subscriptions, workspaces
from lettershop.store.database import Database, Transaction
from lettershop.store.preferences import DAY, DataRequest, Pace, Topic
from lettershop.store.subscriptions import Consent
from lettershop.store.workspaces import Brand

EVERY = (0, 7, 14, 30)
"""Days that may be chosen: all newsletters, or at most one in so many days."""

PAUSES = (0, 30, 90)
REQUESTS = 3
"""Mails a day that one person may ask for here."""

SUBJECT = {
    "data": {"en": "Your data at {brand}", "de": "Ihre Daten bei {brand}"},
    "erase": {"en": "Erase your data at {brand}?", "de": "Ihre Daten bei {brand} löschen?"},
}
TEXT = {
    "data": {
        "en": "Somebody has asked for the data that {brand} holds on {address}.\n\nSee them here, within a day:\n{link}\n\n"
        "If that was not you, do nothing.\n\n{postal}\n",
        "de": "Jemand hat nach den Daten gefragt, die {brand} zu {address} gespeichert hat.\n\nHier sehen Sie sie, einen Tag lang:\n"
        "{link}\n\nWaren Sie das nicht, brauchen Sie nichts zu tun.\n\n{postal}\n",
    },
    "erase": {
        "en": "Somebody has asked {brand} to erase everything about {address}.\n\nConfirm it here, within a day:\n{link}\n\n"
        "If that was not you, do nothing.\n\n{postal}\n",
        "de": "Jemand hat {brand} gebeten, alles zu {address} zu löschen.\n\nBestätigen Sie es hier, innerhalb eines Tages:\n{link}\n\n"
        "Waren Sie das nicht, brauchen Sie nichts zu tun.\n\n{postal}\n",
    },
}


class TooManyMails(Temporary):
    """A person has asked for too many mails today."""

    code = "too-many-requests"


@dataclass(frozen=True, slots=True)
class PreferencesView:
    """What the page shows. `address` is masked; `stopped`: nothing at all is sent; `every_days`, `paused_until` as in `Pace`."""

    brand: str
    address: str
    topics: tuple[Topic, ...]
    every_days: int
    paused_until: float | None
    tracking: bool | None
    stopped: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form says. `tracking` None: it says nothing of it; `pause_days` -1: the pause stays as it is."""

    topics: frozenset[int]
    every_days: int = 0
    pause_days: int = -1
    tracking: bool | None = None


@dataclass(frozen=True, slots=True)
class RequestView:
    """What the page of a request shows."""

    kind: str
    address: str


class Preferences:
    """One object per process."""

    def __init__(
        self, main: Database, tokens: Tokens, messages: Transactional, privacy: Privacy, clock: Clock, public_url: str
    ) -> None:
        self._main = main
        self._tokens = tokens
        self._messages = messages
        self._privacy = privacy
        self._clock = clock
        self._public_url = public_url

    async def view(self, token: str) -> PreferencesView | None:
        """The page of a recipient; None if the token is not ours or the person is gone. Changes nothing."""
        who = self._tokens.open(token)
        return await self._main.read(_view, who) if who is not None else None

    async def save(self, token: str, wanted: Wanted, ip: str) -> bool:
        """Do what the form says; False as above."""
        who = self._tokens.open(token)
        return who is not None and await self._main.write(_save, who, wanted, ip, self._clock.now())

    async def ask(self, token: str, kind: str, language: str) -> bool:
        """Send the mail that proves whose mailbox it is; False as above. `kind`: data, erase. Raises TooManyMails."""
        who = self._tokens.open(token)
        found = await self._main.read(_person, who) if who is not None else None
        if found is None or kind not in SUBJECT:
            return False
        contact, brand = found
        now = self._clock.now()
        if await self._main.read(preferences.requested_since, contact.id, now - DAY) >= REQUESTS:
            raise TooManyMails("There were many requests today.", remedy="Look into your mailbox, or try tomorrow.")
        key = self._clock.token(24).hex()
        await self._main.write(preferences.request, contact.workspace_id, contact.id, kind, hashed(key), now, now + DAY)
        link = f"{self._public_url}/p/request/{key}"
        await self._messages.send(contact.workspace_id, _letter(brand, contact.email, kind, link, language))
        return True

    async def opened(self, key: str) -> RequestView | None:
        """What the link of the mail shows; None: there is no such request, or it is too old."""
        found = await self._request(key)
        return RequestView(found.kind, found.email) if found is not None else None

    async def data(self, key: str) -> dict[str, Any] | None:
        """Everything that is held on the person; None as above."""
        found = await self._request(key)
        if found is None or found.kind != "data":
            return None
        return await self._privacy.export(found.workspace_id, found.email)

    async def erase(self, key: str) -> bool:
        """Erase the person for good; False as above."""
        found = await self._request(key)
        if found is None or found.kind != "erase":
            return False
        await self._privacy.erase(found.workspace_id, found.email)
        return True

    async def _request(self, key: str) -> DataRequest | None:
        found = await self._main.read(preferences.by_hash, hashed(key))
        return found if found is not None and found.expires_at > self._clock.now() else None


def _view(conn: Connection, who: Recipient) -> PreferencesView | None:
    found = _person(conn, who)
    if found is None:
        return None
    contact, brand = found
    pace = preferences.pace_of(conn, contact.id)
    topics = tuple(preferences.topics(conn, contact.workspace_id, contact.id))
    stopped = subscriptions.has_left(conn, contact.id, None)
    return PreferencesView(
        brand.name, masked(contact.email), topics, pace.every_days, pace.paused_until, contact.tracking_consent, stopped
    )


def _person(conn: Connection, who: Recipient) -> tuple[contacts.Contact, Brand] | None:
    campaign = campaigns.by_id(conn, who.campaign_id)
    contact = contacts.by_id(conn, who.contact_id)
    brand = workspaces.brand(conn, campaign.brand_id) if campaign is not None else None
    return (contact, brand) if contact is not None and brand is not None else None


def _save(tx: Transaction, who: Recipient, wanted: Wanted, ip: str, at: float) -> bool:
    found = _person(tx.conn, who)
    if found is None:
        return False
    contact, brand = found
    consent = Consent("express", f"chosen among the topics of {brand.name}", "preferences", ip)
    chosen = set(wanted.topics)
    if chosen and subscriptions.has_left(tx.conn, contact.id, None):
        subscriptions.resubscribe(tx, contact.id, None, consent=consent, at=at)
    preferences.choose(tx, contact.workspace_id, contact.id, chosen, consent, at)
    pause = preferences.pace_of(tx.conn, contact.id).paused_until
    if wanted.pause_days >= 0:
        pause = at + wanted.pause_days * DAY if wanted.pause_days else None
    preferences.set_pace(tx, contact.workspace_id, contact.id, Pace(pause, wanted.every_days), at)
    if wanted.tracking is not None:
        contacts.set_tracking(tx, contact.id, wanted.tracking, at)
    return True


def _letter(brand: Brand, address: str, kind: str, link: str, language: str) -> Letter:
    chosen = language if language in SUBJECT[kind] else "en"
    values: Mapping[str, str] = {
        "brand": brand.name, "address": address, "link": link, "postal": brand.postal_address,
    }  # fmt: skip
    return Letter(
        sender=Person(brand.from_address, brand.from_name), to=[Person(address)],
        subject=SUBJECT[kind][chosen].format(**values), text=TEXT[kind][chosen].format(**values),
        tags=["preferences"], headers={"Auto-Submitted": "auto-generated"},
    )  # fmt: skip
