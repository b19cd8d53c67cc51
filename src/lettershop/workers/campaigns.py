"""Puts started campaigns into the queue, starts those whose time has come (also again and again), and notes when one is done.

A step for `workers.singleton`. A piece of the audience and the mark up to where it goes are one transaction, so a
`kill -9` anywhere neither loses nor doubles a recipient: whoever goes on begins at the mark.
"""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError
from lettershop.base.log import get_logger
from lettershop.marketing import audience
from lettershop.marketing.campaigns import Campaigns
from lettershop.marketing.pacing import Row, batches, begins_at
from lettershop.marketing.warmup import precedence
from lettershop.store import breakers, campaigns, envelopes, warmups
from lettershop.store.campaigns import Campaign, UnderWay
from lettershop.store.database import Database, Transaction


class CampaignWorker:
    """See the module. `expire`: seconds after which a message is given up; `covered`: whether a sending domain is warmed up."""

    def __init__(
        self, main: Database, service: Campaigns, clock: Clock, *, expire: float,
        covered: Callable[[str], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        self._covered = covered
        self._main = main
        self._service = service
        self._clock = clock
        self._expire = expire
        self._log = get_logger("workers.campaigns")

    async def step(self) -> bool:
        """One round; True if there is more to do at once."""
        more = False
        for campaign in await self._main.read(campaigns.under_way, "sending", "scheduled", "recurring"):
            if campaign.state in ("scheduled", "recurring"):
                await self._start_if_due(campaign)
            elif not campaign.expanded:
                more = await self._expand(campaign.id) or more
            elif not await self._main.read(envelopes.unfinished, campaign.id):
                await self._service.finish(campaign.id)
        return more

    async def _start_if_due(self, campaign: UnderWay) -> None:
        if campaign.scheduled_at is None or begins_at(campaign.scheduled_at, campaign.local_zone) > self._clock.now():
            return
        if campaign.state == "recurring":
            await self._service.run(campaign.id)
            return
        try:
            await self._service.start(campaign.id, by="schedule")
        except LettershopError as error:
            self._log.warning("campaign not started", campaign=campaign.id, why=error.public)
            await self._service.unschedule(campaign.id, by="schedule", why=error.public)

    async def _expand(self, campaign_id: int) -> bool:
        """Queue the next piece; True if there may be more."""
        campaign = await self._service.get(campaign_id)
        since = campaign.started_at or self._clock.now()
        piece = await self._main.read(audience.next_piece, campaign, since)
        now = self._clock.now()
        return await self._main.write(partial(_engaged_first, self._covered), campaign, piece, now, self._expire)


def _engaged_first(
    covered: Callable[[str], bool], tx: Transaction, seen: Campaign, piece: Sequence[tuple[int, str]], now: float,
    expire: float,
) -> bool:  # fmt: skip
    """Where warm-up limits a day, whoever reads our mail goes first; so nothing goes before all are in the queue."""
    sender = warmups.senders(tx.conn, [seen.id]).get(seen.id)
    if sender is None or not covered(sender[0]) or seen.local_zone:  # nobody gets it before their own time
        return _enqueue(tx, seen, piece, now, expire)
    people = campaigns.engaged(tx.conn, [contact_id for contact_id, _ in piece])
    since = seen.started_at or now
    rows = [(contact_id, site, now - since + precedence(people.get(contact_id), since)) for contact_id, site in piece]
    more = _enqueue(tx, seen, rows, now, expire, ranked=True)
    if more:
        envelopes.hold(tx, seen.id)
    else:
        envelopes.resume(tx, seen.id)
    return more


def _enqueue(
    tx: Transaction, seen: Campaign, piece: Sequence[Row], now: float, expire: float, *, ranked: bool = False
) -> bool:
    """Queue a piece and move the mark, if nobody has done it meanwhile and the campaign is still to be sent."""
    campaign = campaigns.by_id(tx.conn, seen.id)
    if campaign is None or campaign.state != "sending" or campaign.expanded_to != seen.expanded_to or campaign.expanded:
        return True
    if piece:
        sender, pool = campaigns.lane_of(tx.conn, campaign.id)
        zones = (
            campaigns.own_values(tx.conn, [row[0] for row in piece], campaign.zone_attribute)
            if campaign.local_zone
            else {}
        )
        for batch in batches(campaign, piece, zones, now, expire, ranked=ranked):
            envelopes.enqueue_recipes(
                tx, workspace_id=campaign.workspace_id, campaign_id=campaign.id, rows=batch.rows,
                now=now, due_at=batch.due_at, expires_at=batch.expires_at, sender=sender, pool=pool,
            )  # fmt: skip
        breakers.keep_pace(tx, campaign.id)
    done = len(piece) < audience.PIECE
    campaigns.expanded(tx, campaign.id, to=piece[-1][0] if piece else campaign.expanded_to, more=len(piece), done=done)
    return not done


def progress(conn: Connection, campaign_id: int) -> tuple[int, int]:
    """(finished, in all) envelopes of a campaign, for a progress bar."""
    counts = envelopes.counts(conn, campaign_id)
    waiting = counts.get("queued", 0) + counts.get("leased", 0)
    return sum(counts.values()) - waiting, sum(counts.values())
