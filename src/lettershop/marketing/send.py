"""A campaign as the delivery engine's `MessageSource`: envelopes in, recipes out, each made and signed when a connection takes it.

    prepare(batch) > one read: the campaigns' states, the contacts as they are now, what forbids to write to them
                   > Withhold, or Recipe(make) > make(): compiled segments filled in > hashed > signed > bytes

Compiled campaigns are kept by id and version. A retry is the same message: Message-ID, links and bounce address come
from the recipient's token, the date from when it was handed over.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError, Temporary
from lettershop.egress.message import Leased, Recipe, Withhold
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.marketing.content import Design
from lettershop.marketing.design import design_of
from lettershop.marketing.media import files_of
from lettershop.marketing.render import Built, Compiled, Person, compile_design, merge_fields
from lettershop.store import campaigns
from lettershop.store.blobs import Blobs
from lettershop.store.campaigns import Addressee, Standing
from lettershop.store.database import Database
from lettershop.store.subscriptions import SUBSCRIBED
from lettershop.wire.trust.dkim.sign import Signer

KEPT = 50
"""Compiled campaigns kept in memory."""


class Keyring(Protocol):
    """Who knows the domains' keys (`mail.sign`)."""

    async def signers(self, domain: str) -> Sequence[Signer]:
        """A signer for each active key of the domain, RSA first; none if it has no key."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A campaign that can be made."""

    compiled: Compiled
    signers: Sequence[Signer]

    @property
    def design(self) -> Design:
        return self.compiled.design


class CampaignSource:
    """See the module. `public_url` is what links in messages start with; `blobs` has the files of campaigns."""

    def __init__(
        self,
        main: Database,
        keyring: Keyring,
        tokens: Tokens,
        clock: Clock,
        public_url: str,
        blobs: Blobs | None = None,
    ) -> None:
        self._blobs = blobs
        self._main = main
        self._keyring = keyring
        self._tokens = tokens
        self._clock = clock
        self._public_url = public_url
        self._ready: dict[int, _Ready | str] = {}
        self._lists: dict[int, int | None] = {}
        self._loading = asyncio.Lock()

    async def prepare(self, leased: Sequence[Leased]) -> Sequence[Recipe | Withhold]:
        """See `MessageSource.prepare`."""
        by_campaign: dict[int, list[int]] = {}
        for envelope in leased:
            if envelope.campaign_id is not None and envelope.contact_id is not None:
                by_campaign.setdefault(envelope.campaign_id, []).append(envelope.contact_id)
        lists = await self._lists_of(by_campaign)
        wanted = [(key, lists[key], ids) for key, ids in by_campaign.items() if key in lists]
        standings, people = await self._main.read(campaigns.for_sending, wanted)
        ready = {key: await self._campaign(standing) for key, standing in standings.items()}
        return [self._answer(envelope, standings, people, ready) for envelope in leased]

    async def _lists_of(self, ids: dict[int, list[int]]) -> dict[int, int | None]:
        """The lists that the campaigns are for; they never change once a campaign is being sent."""
        missing = [key for key in ids if key not in self._lists]
        if missing:
            self._lists |= await self._main.read(campaigns.list_ids, missing)
        return self._lists

    async def _campaign(self, standing: Standing) -> _Ready | str:
        """The campaign compiled in its present version, or the reason why it cannot be."""
        async with self._loading:
            known = self._ready.get(standing.id)
            if isinstance(known, _Ready) and known.design.version == standing.version:
                return known
            if len(self._ready) >= KEPT:
                self._ready.clear()
            self._ready[standing.id] = await self._load(standing.id)
            return self._ready[standing.id]

    async def _load(self, campaign_id: int) -> _Ready | str:
        design = await self._main.read(_design, campaign_id, self._public_url)
        if design is None:
            return "campaign-gone"
        signers = await self._keyring.signers(design.domain)
        if not signers:
            return "no-dkim-key"
        try:
            files = await files_of(design, self._blobs) if design.files and self._blobs else {}
            return _Ready(await asyncio.to_thread(compile_design, design, files), signers)
        except Temporary:
            raise
        except LettershopError as error:
            return error.code

    def _answer(
        self, envelope: Leased, standings: dict[int, Standing], people: dict[int, dict[int, Addressee]],
        ready: dict[int, _Ready | str],
    ) -> Recipe | Withhold:  # fmt: skip
        key = envelope.campaign_id or 0
        standing, campaign = standings.get(key), ready.get(key)
        if standing is None or campaign is None:
            return Withhold(envelope.envelope_id, "campaign-gone")
        if standing.state != "sending":
            return Withhold(envelope.envelope_id, standing.state, again=standing.state == "paused")
        person = people[key].get(envelope.contact_id or 0)
        if person is None:
            return Withhold(envelope.envelope_id, "contact-gone")
        if isinstance(campaign, str):
            return Withhold(envelope.envelope_id, campaign)
        forbidden = forbids(person, campaign.design.list_id)
        return Withhold(envelope.envelope_id, forbidden) if forbidden else self._recipe(envelope, person, campaign)

    def _recipe(self, envelope: Leased, person: Addressee, campaign: _Ready) -> Recipe:
        token = self._tokens.seal(Recipient(campaign.design.campaign_id, envelope.envelope_id, person.contact_id))
        values = merge_fields(person.email, person.name, person.attributes)
        whom = Person(person.email, person.name, token, envelope.created_at, values)
        return Recipe(
            envelope_id=envelope.envelope_id,
            mail_from=f"bounce+{token}@{campaign.design.domain}",
            address=person.email,
            make=partial(_make, campaign, whom, self._clock),
            draft=partial(_draft, campaign, whom, self._clock),
        )


def forbids(person: Addressee, list_id: int | None) -> str | None:
    """Why nobody may write to this person now, or None."""
    if person.suppressed is not None:
        return "unsubscribed" if person.suppressed == "unsubscribed" else "suppressed"
    if list_id is not None and person.status != SUBSCRIBED:
        return "unsubscribed"
    return None


def _make(campaign: _Ready, person: Person, clock: Clock) -> bytes:
    return _draft(campaign, person, clock)()


def _draft(campaign: _Ready, person: Person, clock: Clock) -> Callable[[], bytes]:
    return partial(signed, campaign.compiled.speaking(person.values).make(person), campaign.signers, clock.now())


def signed(built: Built, signers: Sequence[Signer], at: float) -> bytes:
    """The whole message with a signature by each key over every field; those of `SEALED` cannot be added to."""
    signatures = [signer.sign(built.canonical, built.body_hash, built.names, at) for signer in signers]
    return b"".join((*signatures, built.header, b"\r\n", built.body))


def _design(conn: Connection, campaign_id: int, public_url: str) -> Design | None:
    campaign = campaigns.by_id(conn, campaign_id)
    return design_of(conn, campaign, public_url) if campaign is not None else None
