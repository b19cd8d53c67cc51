"""What links in messages do: opens, clicks, unsubscribe, web version. The web calls these; it holds no rule itself.

Token > `mail.tokens` (no look-up) > the campaign's links, kept in memory > `event_log`, kept with all that wait > the
answer. An event is a raw fact; whether it was a person is judged later (`marketing.analytics`). Nothing here is done on
a GET but counting: unsubscribing is a POST or a button (RFC 8058 3.2).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.facts import Clicked, Opened
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.marketing import links as links_module
from lettershop.marketing.consent import hashed
from lettershop.marketing.content import Design
from lettershop.marketing.design import design_of
from lettershop.marketing.event_log import EventLog
from lettershop.marketing.media import in_browser
from lettershop.marketing.render import Compiled, Person, compile_design, merge_fields
from lettershop.store import campaigns, contacts, opt_ins, subscriptions, workspaces
from lettershop.store.database import Database, Transaction
from lettershop.store.journal import Journal
from lettershop.store.opt_ins import Asked, OptIn

KEPT = 200
"""Campaigns whose links are kept in memory."""
PAGES = 20
"""Campaigns whose pages are kept compiled."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a request. `headers`: those that tell a machine from a person, one a line, "name: value"."""

    user_agent: str = ""
    ip: str = ""
    headers: str = ""
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class UnsubscribeView:
    """What the unsubscribe page shows. `list_name` empty: all mail of the brand. `address` is masked."""

    brand: str
    list_name: str
    address: str
    done: bool
    tracking: bool | None


@dataclass(frozen=True, slots=True)
class ConfirmView:
    """What the page of a double opt-in shows. `address` is masked; `done`: it was confirmed."""

    list_name: str
    address: str
    done: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """Of a campaign, what a request needs."""

    workspace_id: int
    list_id: int | None
    links: Mapping[int, str]
    fixed: Mapping[int, str]
    """The targets that are the same for everybody, as they go into a header."""


class PublicActions:
    """See the module. `public_url` is what links in messages start with."""

    def __init__(
        self, main: Database, tokens: Tokens, clock: Clock, public_url: str, journal: Journal | None = None
    ) -> None:
        self._main = main
        self._tokens = tokens
        self._clock = clock
        self._public_url = public_url
        self._events = EventLog(main, journal)
        self._campaigns: dict[int, _Known] = {}
        self._pages: dict[tuple[int, int], Compiled] = {}

    async def opened(self, token: str, signals: Signals) -> bool:
        """The pixel was asked for; False if the token is not ours. Committed when this returns."""
        who = self._tokens.open(token)
        if who is None or await self._known(who.campaign_id) is None:
            return False
        committed = self.opening(token, signals)
        assert committed is not None
        await asyncio.shield(committed)
        return True

    def opening(self, token: str, signals: Signals) -> asyncio.Future[None] | None:
        """As `opened`, without a look into the database: None if the token is not ours or its campaign not in memory.

        The future is done after the commit; others wait for it too.
        """
        who = self._tokens.open(token)
        known = self._campaigns.get(who.campaign_id) if who is not None else None
        if who is None or known is None:
            return None
        return self._events.add(
            Opened(
                at=self._clock.now(), workspace_id=known.workspace_id, campaign_id=who.campaign_id,
                contact_id=who.contact_id, envelope_id=who.envelope_id,
                user_agent=signals.user_agent, ip=signals.ip, headers=signals.headers,
            )
        )  # fmt: skip

    async def followed(self, token: str, number: int, signals: Signals) -> str | None:
        """A tracked link was followed: where it leads; None if there is no such link. Committed when this returns."""
        who = self._tokens.open(token)
        known = await self._known(who.campaign_id) if who is not None else None
        if who is None or known is None or number not in known.links:
            return None
        target = await self._target(who, known.links[number])
        if target is None:
            return None
        await asyncio.shield(self._clicked(who, known, number, signals))
        return target

    def following(self, token: str, number: int, signals: Signals) -> tuple[asyncio.Future[None], str] | None:
        """As `followed`, without a look into the database: None also if the target holds a field of the contact."""
        who = self._tokens.open(token)
        known = self._campaigns.get(who.campaign_id) if who is not None else None
        target = known.fixed.get(number) if known is not None else None
        if who is None or known is None or target is None:
            return None
        return self._clicked(who, known, number, signals), target

    def _clicked(self, who: Recipient, known: "_Known", number: int, signals: Signals) -> asyncio.Future[None]:
        return self._events.add(
            Clicked(
                at=self._clock.now(), workspace_id=known.workspace_id, campaign_id=who.campaign_id,
                contact_id=who.contact_id, envelope_id=who.envelope_id, link=number,
                user_agent=signals.user_agent, ip=signals.ip, headers=signals.headers, method=signals.method,
            )
        )  # fmt: skip

    async def _target(self, who: Recipient, url: str) -> str | None:
        if "{" not in url:
            return links_module.resolve(url, {})
        contact = await self._main.read(contacts.by_id, who.contact_id)
        if contact is None:
            return None
        return links_module.resolve(url, merge_fields(contact.email, contact.name, contact.attributes))

    async def unsubscribe_view(self, token: str) -> UnsubscribeView | None:
        """What the unsubscribe page shows; None if the token is not ours. Changes nothing."""
        who = self._tokens.open(token)
        return await self._main.read(_view, who) if who is not None else None

    async def unsubscribe(self, token: str, how: str, ip: str = "") -> bool:
        """Unsubscribe; True whenever the token is ours, also the second time. `how`: one-click, page, mailto."""
        who = self._tokens.open(token)
        if who is None:
            return False
        await self._main.write(unsubscribe, who, how, ip, self._clock.now())
        return True

    async def resubscribe(self, token: str, ip: str = "") -> bool:
        """Undo it, by the person's own word; False if there was nothing to undo."""
        who = self._tokens.open(token)
        return who is not None and await self._main.write(_resubscribe, who, ip, self._clock.now())

    async def allow_tracking(self, token: str, allowed: bool) -> bool:
        """Whether opens of this person may be recorded, in mail already sent too."""
        who = self._tokens.open(token)
        if who is None:
            return False
        await self._main.write(contacts.set_tracking, who.contact_id, allowed, self._clock.now())
        return True

    async def confirm_view(self, key: str) -> ConfirmView | None:
        """What the link in the mail of a double opt-in shows; None: no such request, or too old. Changes nothing."""
        found = await self._main.read(opt_ins.by_hash, hashed(key))
        if found is None or (found.confirmed_at is None and found.expires_at < self._clock.now()):
            return None
        return _confirm_view(found)

    async def confirm(self, key: str, ip: str = "", user_agent: str = "") -> ConfirmView | None:
        """The button was pressed: subscribed, with the whole request as proof. None as above."""
        asked = Asked(ip, user_agent)
        found = await self._main.write(opt_ins.confirm, hashed(key), asked, self._clock.now())
        return _confirm_view(found) if found is not None else None

    async def web_version(self, token: str) -> str | None:
        """The message as HTML, made for this person as they are now, or for nobody if it was a test; None if it is not there."""
        who = self._tokens.open(token)
        found = await self._main.read(_message, who, self._public_url) if who is not None else None
        if found is None or who is None:
            return None
        design, contact = found
        email, name = (contact.email, contact.name) if contact else ("", "")
        values = merge_fields(email, name, contact.attributes if contact else {})
        compiled = await self._page_of(design)
        page = compiled.speaking(values).page(Person(email, name, token, self._clock.now(), values))
        return in_browser(page, design)

    async def _page_of(self, design: Design) -> Compiled:
        """Compiled once while it is read; drafts each time, for their layout or brand may change."""
        key = (design.campaign_id, design.version)
        if not design.kept:
            return await asyncio.to_thread(compile_design, design)
        if key not in self._pages:
            if len(self._pages) >= PAGES:
                self._pages.clear()
            self._pages[key] = await asyncio.to_thread(compile_design, design)
        return self._pages[key]

    async def _known(self, campaign_id: int) -> _Known | None:
        known = self._campaigns.get(campaign_id)
        if known is not None:
            return known
        found = await self._main.read(_known, campaign_id)
        if found is not None:
            if len(self._campaigns) >= KEPT:
                self._campaigns.clear()
            self._campaigns[campaign_id] = found
        return found


def unsubscribe(tx: Transaction, who: Recipient, how: str, ip: str, at: float) -> bool:
    """Take the recipient of a campaign off its list; off everything if it was for none. False if that was so already."""
    campaign = campaigns.by_id(tx.conn, who.campaign_id)
    return campaign is not None and subscriptions.unsubscribe(
        tx, who.contact_id, campaign.list_id,
        how=how, at=at, ip=ip, campaign_id=who.campaign_id, envelope_id=who.envelope_id,
    )  # fmt: skip


def _resubscribe(tx: Transaction, who: Recipient, ip: str, at: float) -> bool:
    campaign = campaigns.by_id(tx.conn, who.campaign_id)
    consent = subscriptions.Consent("express", "asked to be subscribed again", "page", ip)
    return campaign is not None and subscriptions.resubscribe(
        tx, who.contact_id, campaign.list_id, consent=consent, at=at
    )


def _known(conn: Connection, campaign_id: int) -> _Known | None:
    campaign = campaigns.by_id(conn, campaign_id)
    if campaign is None:
        return None
    urls = {link.number: link.url for link in campaigns.links_of(conn, campaign_id)}
    targets = {number: links_module.resolve(url, {}) for number, url in urls.items() if "{" not in url}
    fixed = {number: target for number, target in targets.items() if target is not None}
    return _Known(campaign.workspace_id, campaign.list_id, urls, fixed)


def _view(conn: Connection, who: Recipient) -> UnsubscribeView | None:
    campaign = campaigns.by_id(conn, who.campaign_id)
    contact = contacts.by_id(conn, who.contact_id)
    if campaign is None or contact is None:
        return None
    brand = workspaces.brand(conn, campaign.brand_id)
    return UnsubscribeView(
        brand=brand.name if brand is not None else "",
        list_name=subscriptions.list_name(conn, campaign.list_id),
        address=masked(contact.email),
        done=subscriptions.has_left(conn, contact.id, campaign.list_id),
        tracking=contact.tracking_consent,
    )


def _confirm_view(found: OptIn) -> ConfirmView:
    return ConfirmView(found.list_name, masked(found.email), found.confirmed_at is not None)


def masked(address: str) -> str:
    """An address that its owner recognises and nobody else learns: "a…a@brand.example"."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…{local[-1:]}@{domain}" if len(local) > 2 else f"…@{domain}"


def _message(conn: Connection, who: Recipient, public_url: str) -> tuple[Design, contacts.Contact | None] | None:
    campaign = campaigns.by_id(conn, who.campaign_id)
    contact = contacts.by_id(conn, who.contact_id)
    test = not who.contact_id  # marketing.trial: it belongs to nobody
    if campaign is None or (contact is None and not test):
        return None
    design = design_of(conn, campaign, public_url)
    if design is not None and test:
        design = replace(design, track_opens=False, track_clicks=False, kept=False)
    return (design, contact) if design is not None else None
