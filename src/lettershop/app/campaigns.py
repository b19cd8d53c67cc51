"""The marketing part of the house. Imported only where the package marketing/ is there."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lettershop.base.clock import Clock
from lettershop.base.config import Config
from lettershop.mail.sign import MessageSigner
from lettershop.mail.tokens import Tokens
from lettershop.marketing.analytics import Analytics
from lettershop.marketing.campaigns import Campaigns
from lettershop.marketing.contacts import ContactImport
from lettershop.marketing.public import PublicActions
from lettershop.marketing.send import CampaignSource
from lettershop.marketing.views import CampaignDesk, ContactDesk
from lettershop.store.database import Database
from lettershop.workers.campaigns import CampaignWorker
from lettershop.workers.facts import FactWorker

if TYPE_CHECKING:
    from lettershop.app.house import House


@dataclass(frozen=True, slots=True)
class Marketing:
    """The services of marketing; `source` feeds the delivery engine."""

    imports: ContactImport
    campaigns: Campaigns
    public: PublicActions
    source: CampaignSource
    analytics: Analytics
    campaign_desk: CampaignDesk
    contact_desk: ContactDesk

    def loops(self, house: "House", owner: str, stopping: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        """The run loops of the role "scheduler"."""
        expire = house.config.delivery.expire
        campaigns = CampaignWorker(house.main_db, self.campaigns, house.clock, owner=owner, expire=expire)
        facts = FactWorker(house.main_db, self.analytics, house.clock, owner=owner)
        return [campaigns.run(stopping), facts.run(stopping)]


def build_marketing(
    config: Config, clock: Clock, main_db: Database, mail_db: Database, signer: MessageSigner, tokens: Tokens
) -> Marketing:
    """The services on their storage."""
    url = config.web.public_url.rstrip("/")
    campaigns = Campaigns(main_db, mail_db, clock, url)
    return Marketing(
        imports=ContactImport(main_db, clock),
        campaigns=campaigns,
        public=PublicActions(main_db, tokens, clock, url),
        source=CampaignSource(main_db, signer, tokens, clock, url),
        analytics=Analytics(main_db, mail_db),
        campaign_desk=CampaignDesk(main_db, campaigns),
        contact_desk=ContactDesk(main_db),
    )
