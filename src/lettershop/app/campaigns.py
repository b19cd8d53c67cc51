"""The marketing part of the house. Imported only where the package marketing/ is there."""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lettershop.base.clock import Clock
from lettershop.base.config import Config
from lettershop.base.errors import LettershopError, NotFound
from lettershop.egress.breakers import rulebook
from lettershop.egress.warmup import plan_of
from lettershop.insight.dnscheck import Finding as DnsFinding
from lettershop.insight.dnscheck import check
from lettershop.insight.dnsrecords import domain_records
from lettershop.mail.sign import MessageSigner
from lettershop.mail.submission import Submission
from lettershop.mail.tokens import Tokens
from lettershop.marketing.ageing import Ageing
from lettershop.marketing.analytics import Analytics, Patience
from lettershop.marketing.archive import Archive
from lettershop.marketing.attribute_desk import Attributes
from lettershop.marketing.blocks import Blocks
from lettershop.marketing.breakdown import Breakdowns
from lettershop.marketing.campaigns import Campaigns
from lettershop.marketing.cohorts import Groups
from lettershop.marketing.columns import ColumnKeeper
from lettershop.marketing.consent import OptIns
from lettershop.marketing.contacts import ContactImport
from lettershop.marketing.event_log import Folding
from lettershop.marketing.export import PeopleExport
from lettershop.marketing.first_run import FirstRun
from lettershop.marketing.forecast import Forecasts
from lettershop.marketing.import_rows import ImportOptions
from lettershop.marketing.inbox import Gathering, Inbox
from lettershop.marketing.joining import Joining
from lettershop.marketing.media import Media
from lettershop.marketing.preferences import Preferences, Wanted
from lettershop.marketing.privacy import Privacy
from lettershop.marketing.proof import Challenges
from lettershop.marketing.public import PublicActions
from lettershop.marketing.segment_desk import Segments
from lettershop.marketing.send import CampaignSource
from lettershop.marketing.subscribers import Subscribers, words_of
from lettershop.marketing.surroundings import Surroundings
from lettershop.marketing.templates import Templates
from lettershop.marketing.transactional import Transactional
from lettershop.marketing.trial import Trials
from lettershop.marketing.uploads import Uploads
from lettershop.marketing.views import CampaignDesk, ContactDesk
from lettershop.marketing.workspace_campaigns import Brands, WorkspaceCampaigns
from lettershop.net.callout import Callouts
from lettershop.net.resolver import Resolver
from lettershop.net.tls import verifying_context
from lettershop.store import accounts
from lettershop.store.blobs import Blobs
from lettershop.store.database import Database
from lettershop.store.journal import Journal
from lettershop.supervisor import workers_of
from lettershop.workers.campaigns import CampaignWorker

if TYPE_CHECKING:
    from lettershop.app.house import House


LINK_TIMEOUT = 6.0
"""Seconds for each step of asking a link of a campaign."""


@dataclass(frozen=True, slots=True)
class Marketing:
    """The services of marketing; `source` feeds the delivery engine."""

    imports: ContactImport
    uploads: Uploads
    exports: PeopleExport
    segments: Segments
    attributes: Attributes
    opt_ins: OptIns
    campaigns: Campaigns
    public: PublicActions
    folding: Folding
    source: CampaignSource
    analytics: Analytics
    campaign_desk: CampaignDesk
    breakdowns: Breakdowns
    groups: Groups
    import_options: type[ImportOptions]
    contact_desk: ContactDesk
    workspace_campaigns: WorkspaceCampaigns
    brands: Brands
    templates: Templates
    blocks: Blocks
    media: Media
    archive: Archive
    forecasts: Forecasts
    privacy: Privacy
    wanted: type[Wanted]
    import_folder: Path
    subscribers: Subscribers
    segment_words: Callable[[Mapping[str, Any]], str]

    def transactional(self, house: "House", submission: Submission) -> Transactional:
        """Single messages; they leave through the house's submission."""
        return Transactional(house.main_db, house.mail_db, submission, self.templates, house.clock, self.media)

    def joining(self, house: "House", messages: Transactional) -> Joining:
        """The forms of lists; their mails are single messages."""
        web = house.config.web
        challenges = Challenges(hmac.digest(house.key, b"forms", "sha256"), web.proof_of_work)
        return Joining(house.main_db, self.opt_ins, messages, house.clock, web.public_url.rstrip("/"), challenges)

    def first_run(self, house: "House", messages: Transactional) -> FirstRun:
        """The assistant of the first steps."""
        return FirstRun(house.main_db, house.accounts, self.brands, messages, house.blobs)

    def preferring(self, house: "House", messages: Transactional) -> Preferences:
        """The preference centre; its mails are single messages."""
        url = house.config.web.public_url.rstrip("/")
        return Preferences(house.main_db, house.tokens, messages, self.privacy, house.clock, url)

    def trials(self, house: "House", submission: Submission) -> Trials:
        """Campaigns before they go; tests leave through the house's submission."""
        url = house.config.web.public_url.rstrip("/")
        return Trials(house.main_db, submission, house.tokens, house.clock, url, house.blobs)

    def inbox(self, house: "House", submission: Submission) -> Inbox:
        """Answers to campaigns; ours leave through the house's submission."""
        return Inbox(house.main_db, submission, house.tokens, house.clock)

    def steps(self, house: "House") -> dict[str, Callable[[], Awaitable[bool]]]:
        """What one process at a time does for marketing, by the name of its lease."""
        delivery = house.config.delivery
        warming = plan_of(delivery.warmup, rulebook(delivery.breakers).usual)
        campaigns = CampaignWorker(
            house.main_db, self.campaigns, house.clock, expire=delivery.expire,
            covered=lambda domain: any(warming.covers(source, domain) for source in delivery.source_addresses or [""]),
        )  # fmt: skip
        columns = ColumnKeeper(house.main_db, house.clock)
        ageing = Ageing(house.main_db, house.mail_db, house.clock, house.config.retention, self.import_folder)
        people = {"columns": columns.step, "imports": self.imports.step, "ageing": ageing.step}
        gathering = Gathering(house.main_db, house.mail_db, house.blobs)
        return {**people, "campaigns": campaigns.step, "facts": self.analytics.step, "inbox": gathering.step}


def build_marketing(
    config: Config, clock: Clock, main_db: Database, mail_db: Database, signer: MessageSigner, tokens: Tokens,
    resolver: Resolver, blobs: Blobs,
) -> Marketing:  # fmt: skip
    """The services on their storage."""
    url = config.web.public_url.rstrip("/")
    rules = rulebook(config.delivery.breakers)
    warming = plan_of(config.delivery.warmup, rules.usual)
    forecasts = Forecasts(
        main_db, signer, clock, warming, sources=config.delivery.source_addresses, cores=workers_of(config)
    )
    surroundings = Surroundings(
        main_db, clock, rules,
        Callouts(
            resolver, timeout=LINK_TIMEOUT, allowed=config.webhooks.allow_networks, plain=True,
            trust=partial(verifying_context, Path(config.tls.authorities) if config.tls.authorities else None),
        ),
        dns=partial(_dns, config.server.hostname, mail_db, resolver), forecast=forecasts.of,
    )  # fmt: skip
    campaigns = Campaigns(main_db, mail_db, clock, url, surroundings)
    import_folder = Path(config.server.data_dir) / "imports"
    privacy = Privacy(main_db, mail_db, blobs, clock, import_folder)
    journal = Journal(Path(config.server.data_dir) / "events", clock)
    imports = ContactImport(main_db, clock, folder=import_folder, has_mail=partial(_has_mail, resolver))
    return Marketing(
        imports=imports,
        uploads=Uploads(main_db, clock, imports, import_folder),
        exports=PeopleExport(main_db, clock),
        segments=Segments(main_db, clock),
        attributes=Attributes(main_db, clock),
        opt_ins=OptIns(main_db, clock),
        campaigns=campaigns,
        public=PublicActions(main_db, tokens, clock, url, journal),
        folding=Folding(main_db, journal, clock),
        source=CampaignSource(main_db, signer, tokens, clock, url, blobs),
        analytics=Analytics(
            main_db, mail_db, rules, warming, Patience(config.delivery.soft_bounces, config.delivery.soft_bounce_days)
        ),
        breakdowns=Breakdowns(main_db),
        groups=Groups(main_db, clock),
        import_options=ImportOptions,
        campaign_desk=CampaignDesk(main_db, campaigns, forecasts),
        contact_desk=ContactDesk(main_db, mail_db, clock),
        workspace_campaigns=WorkspaceCampaigns(main_db, campaigns),
        brands=Brands(main_db, clock),
        templates=Templates(main_db, clock),
        blocks=Blocks(main_db, clock),
        media=Media(main_db, blobs, clock, url),
        archive=Archive(main_db, url),
        forecasts=forecasts,
        privacy=privacy,
        wanted=Wanted,
        import_folder=import_folder,
        subscribers=Subscribers(main_db, privacy, clock),
        segment_words=words_of,
    )


async def _dns(hostname: str, mail_db: Database, resolver: Resolver, domain: str) -> Sequence[DnsFinding]:
    """The records that a sending domain needs, as DNS has them."""
    keys = await mail_db.read(accounts.keys_of, domain)
    return await check(domain_records(domain, hostname, keys), resolver)


async def _has_mail(resolver: Resolver, domain: str) -> bool:
    """Whether mail for the domain has anywhere to go (RFC 5321 5.1); a domain that does not answer is given the doubt."""
    try:
        found = await resolver.mx(domain)
    except NotFound:
        found = []
    except LettershopError:
        return True
    if found:
        return any(host.strip(".") for _, host in found)  # RFC 7505: "." takes no mail
    try:
        return bool(await resolver.addresses(domain))
    except NotFound:
        return False
    except LettershopError:
        return True
