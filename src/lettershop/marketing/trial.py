"""A campaign before it goes: as one person would get it, on the screen or in one's own mailbox.

    preview  the message made for a subscriber, or for nobody in particular, taken apart for showing
    send     the same to any addresses, marked as a test, ahead of campaigns; nothing of it is counted

It is made by the very code that makes the campaign. Its links lead straight to their targets, and those of unsubscribing
belong to nobody, so that whoever tries them changes nothing.
"""

import asyncio
import email
import email.policy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Invalid
from lettershop.mail.submission import Submission
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.marketing.addresses import check_address
from lettershop.marketing.campaigns import CampaignUnknown
from lettershop.marketing.content import Design
from lettershop.marketing.design import design_of
from lettershop.marketing.heat import warmed
from lettershop.marketing.media import files_of, in_browser
from lettershop.marketing.render import Person, compile_design, merge_fields
from lettershop.marketing.subscribers import NoSuchSubscriber
from lettershop.store import campaigns, contacts
from lettershop.store.blobs import Blobs
from lettershop.store.contacts import Contact
from lettershop.store.database import Database, Transaction
from lettershop.wire.address import Address

MOST = 10
"""Addresses of one test."""
MARK = "[Test] "
NOBODY = "somebody@example.com"


class TooManyAddresses(Invalid):
    """A test is for a few people."""

    code = "too-many-addresses"


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as one person would get it. `bytes`: its size as sent, unsigned. `person`: for whom it was made."""

    subject: str
    sender: str
    html: str
    text: str
    bytes: int
    person: str


class Trials:
    """One per process."""

    def __init__(
        self, main: Database, submission: Submission, tokens: Tokens, clock: Clock, public_url: str,
        blobs: Blobs | None = None,
    ) -> None:  # fmt: skip
        self._blobs = blobs
        self._main = main
        self._submission = submission
        self._tokens = tokens
        self._clock = clock
        self._public_url = public_url

    async def preview(self, workspace_id: int, campaign_id: int, contact_id: int | None = None) -> Preview:
        """Raises CampaignUnknown, NoSuchSubscriber, TemplateInvalid, TooLarge."""
        design, contact = await self._main.read(_found, workspace_id, campaign_id, contact_id, self._public_url)
        made = await self._made(design, contact, NOBODY)
        shown = _taken_apart(made, contact)
        return replace(shown, html=in_browser(shown.html, design))

    async def warmed(self, workspace_id: int, campaign_id: int, people: Mapping[int, int], delivered: int) -> str:
        """The message for nobody in particular, its links with how many people followed them. Raises as `preview`."""
        design, _ = await self._main.read(_found, workspace_id, campaign_id, None, self._public_url)
        made = await self._made(replace(design, track_clicks=True), None, NOBODY)
        return in_browser(warmed(_taken_apart(made, None).html, people, delivered), design)

    async def send(
        self, workspace_id: int, campaign_id: int, to: Sequence[str], contact_id: int | None = None
    ) -> list[str]:
        """The addresses to which a test is on its way. Raises InvalidAddress, TooManyAddresses and what `preview` raises."""
        addresses = [str(check_address(one.strip())) for one in dict.fromkeys(to)]
        if not 1 <= len(addresses) <= MOST:
            raise TooManyAddresses(f"A test goes to one to {MOST} addresses.", remedy="Put people on a list for more.")
        design, contact = await self._main.read(_found, workspace_id, campaign_id, contact_id, self._public_url)
        design = replace(design, subject=MARK + design.subject)
        for address in addresses:
            message = await self._made(design, contact, address)
            await self._submission.send_for(
                workspace_id, Address.parse(design.from_address), [address], message, note=_nothing
            )
        return addresses

    async def _made(self, design: Design, contact: Contact | None, address: str) -> bytes:
        """The whole message to `address`, with the fields of `contact`."""
        token = self._tokens.seal(Recipient(design.campaign_id, 0, 0))
        name = contact.name if contact else ""
        values: Mapping[str, Any] = merge_fields(
            contact.email if contact else address, name, contact.attributes if contact else {}
        )
        person = Person(address, name, token, self._clock.now(), values)
        files = await files_of(design, self._blobs) if design.files and self._blobs else {}
        return await asyncio.to_thread(lambda: compile_design(design, files).speaking(values).make(person).unsigned())


def _found(
    conn: Connection, workspace_id: int, campaign_id: int, contact_id: int | None, public_url: str
) -> tuple[Design, Contact | None]:
    campaign = campaigns.by_id(conn, campaign_id)
    design = design_of(conn, campaign, public_url) if campaign and campaign.workspace_id == workspace_id else None
    if design is None:
        raise CampaignUnknown(f"There is no campaign {campaign_id}.")
    contact = contacts.by_id(conn, contact_id) if contact_id is not None else None
    if contact_id is not None and (contact is None or contact.workspace_id != workspace_id):
        raise NoSuchSubscriber(f"There is no subscriber {contact_id}.")
    return replace(design, track_opens=False, track_clicks=False), contact


def _nothing(tx: Transaction, outgoing_id: int) -> None:
    """A test is no message of the API."""


def _taken_apart(message: bytes, contact: Contact | None) -> Preview:
    parsed = email.message_from_bytes(message, policy=email.policy.SMTP)
    html, text = parsed.get_body(("html",)), parsed.get_body(("plain",))
    return Preview(
        str(parsed["Subject"]), str(parsed["From"]), html.get_content() if html else "", text.get_content() if text else "",
        len(message), contact.email if contact else "",
    )  # fmt: skip
