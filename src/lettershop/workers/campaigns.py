"""Puts started campaigns into the queue, starts those whose time has come, and notes when one is done.

One process does it at a time (a lease). A piece of the audience and the mark up to where it goes are one transaction, so
a `kill -9` anywhere neither loses nor doubles a recipient: whoever goes on begins at the mark.
"""

import asyncio

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError
from lettershop.base.log import get_logger
from lettershop.marketing import audience
from lettershop.marketing.campaigns import Campaigns
from lettershop.store import campaigns, envelopes, singletons
from lettershop.store.campaigns import Campaign
from lettershop.store.database import Database, Transaction

LEASE = "campaigns"
LEASE_SECONDS = 10.0
POLL = 0.2
"""Seconds between two looks when there is nothing to do."""

PAUSE = 5.0
"""Seconds after an unforeseen error."""


class CampaignWorker:
    """See the module. `owner` names this process; `expire`: seconds after which a message is given up."""

    def __init__(self, main: Database, service: Campaigns, clock: Clock, *, owner: str, expire: float) -> None:
        self._main = main
        self._service = service
        self._clock = clock
        self._owner = owner
        self._expire = expire
        self._leased_until = 0.0
        self._log = get_logger("workers.campaigns")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then give the lease back."""
        while not stop.is_set():
            try:
                busy = await self.step()
            except LettershopError as error:
                self._log.warning("campaigns wait", why=error.public)
                busy = False
            except Exception:
                self._log.exception("campaigns stopped and will go on")
                await self._clock.sleep(PAUSE)
                busy = False
            if not busy:
                await self._clock.sleep(POLL)
        await self._main.write(singletons.give_back, LEASE, self._owner)

    async def step(self) -> bool:
        """One round; True if there is more to do at once."""
        if not await self._lease():
            return False
        more = False
        for campaign in await self._main.read(campaigns.in_state, "sending", "scheduled"):
            if campaign.state == "scheduled":
                await self._start_if_due(campaign)
            elif not campaign.expanded:
                more = await self._expand(campaign) or more
            elif not await self._main.read(envelopes.unfinished, campaign.id):
                await self._service.finish(campaign.id)
        return more

    async def _lease(self) -> bool:
        now = self._clock.now()
        if now < self._leased_until - LEASE_SECONDS / 2:
            return True
        taken = await self._main.write(singletons.take, LEASE, self._owner, now=now, seconds=LEASE_SECONDS)
        self._leased_until = now + LEASE_SECONDS if taken else 0.0
        return taken

    async def _start_if_due(self, campaign: Campaign) -> None:
        if campaign.scheduled_at is None or campaign.scheduled_at > self._clock.now():
            return
        try:
            await self._service.start(campaign.id, by="schedule")
        except LettershopError as error:
            self._log.warning("campaign not started", campaign=campaign.id, why=error.public)
            await self._service.unschedule(campaign.id, by="schedule")

    async def _expand(self, campaign: Campaign) -> bool:
        """Queue the next piece; True if there may be more."""
        since = campaign.started_at or self._clock.now()
        piece = await self._main.read(audience.next_piece, campaign, since)
        now = self._clock.now()
        return await self._main.write(_enqueue, campaign, piece, now, now + self._expire)


def _enqueue(tx: Transaction, seen: Campaign, piece: list[tuple[int, str]], now: float, expires_at: float) -> bool:
    """Queue a piece and move the mark, if nobody has done it meanwhile and the campaign is still to be sent."""
    campaign = campaigns.by_id(tx.conn, seen.id)
    if campaign is None or campaign.state != "sending" or campaign.expanded_to != seen.expanded_to or campaign.expanded:
        return True
    if piece:
        envelopes.enqueue_recipes(
            tx, workspace_id=campaign.workspace_id, campaign_id=campaign.id, rows=piece,
            now=now, due_at=now, expires_at=expires_at,
        )  # fmt: skip
    done = len(piece) < audience.PIECE
    campaigns.expanded(tx, campaign.id, to=piece[-1][0] if piece else campaign.expanded_to, more=len(piece), done=done)
    return not done


def progress(conn: Connection, campaign_id: int) -> tuple[int, int]:
    """(finished, in all) envelopes of a campaign, for a progress bar."""
    counts = envelopes.counts(conn, campaign_id)
    waiting = counts.get("queued", 0) + counts.get("leased", 0)
    return sum(counts.values()) - waiting, sum(counts.values())
