"""What the screens ask for: narrow ports and the lines they show. [pure]

`app.py` fills `Services`; a service that is None hides its screens, so the interface starts without marketing.
"""
# ruff: noqa: D102 (the services themselves say what each call and field means)

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lettershop.mail.accounts import Accounts
from lettershop.mail.api_tokens import ApiTokens
from lettershop.mail.audit import Audit
from lettershop.mail.directory import Directory
from lettershop.mail.events import Events
from lettershop.mail.own_mailboxes import OwnMailboxes
from lettershop.mail.owners import MailEvents
from lettershop.mail.people import Actor, People
from lettershop.mail.repeats import Repeats
from lettershop.mail.request_rate import RequestRate
from lettershop.mail.second_factor import Beginning, Standing
from lettershop.mail.sites import Sites
from lettershop.mail.users import SignedIn, Who
from lettershop.mail.warming import Warming
from lettershop.mail.webhooks.desk import Webhooks
from lettershop.mail.webmail.desk import Desk
from lettershop.mail.webmail.post import Post
from lettershop.servers.web.ports_inbox import Conversations
from lettershop.servers.web.ports_people import Contacts, Persons
from lettershop.servers.web.ports_start import FirstRun, HostChecks
from lettershop.servers.web.ports_writing import (
    Attributes,
    Imports,
    Senders,
    Shelf,
    Trying,
    Uploading,
    Writing,
)

if TYPE_CHECKING:  # marketing may be absent; then nobody asks for what it shows
    from lettershop.egress.forecast import Forecast
    from lettershop.egress.meters import Book, WorkerUse
    from lettershop.insight.dnscheck import Finding
    from lettershop.insight.dnsrecords import Record
    from lettershop.mail.journey import Journey
    from lettershop.mail.measured import Depths
    from lettershop.mail.queue import Act
    from lettershop.mail.sites import Standing as SiteStanding
    from lettershop.marketing.audience import Preview
    from lettershop.marketing.blocks import Blocks
    from lettershop.marketing.breakdown import Breakdowns
    from lettershop.marketing.cohorts import Groups
    from lettershop.marketing.contacts import ContactImport
    from lettershop.marketing.import_rows import ImportOptions
    from lettershop.marketing.joining import Joining as JoiningService
    from lettershop.marketing.media import Media
    from lettershop.marketing.privacy import Privacy
    from lettershop.marketing.report import Report
    from lettershop.marketing.segment_desk import Segment
    from lettershop.marketing.subscribers import Subscribers
    from lettershop.marketing.templates import Templates
    from lettershop.marketing.transactional import Transactional
    from lettershop.marketing.trial import Trials
    from lettershop.marketing.views import CampaignLine
    from lettershop.marketing.workspace_campaigns import Brands, WorkspaceCampaigns
    from lettershop.servers.web.preferences import PreferencePages
    from lettershop.store.accounts import Account, Domain
    from lettershop.store.contacts import Contact
    from lettershop.store.lists import ListRow
    from lettershop.store.queue import Filter, Fitting, SiteQueue, Waiting
    from lettershop.store.subscriptions import Consent
    from lettershop.store.users import Member, OpenSession
    from lettershop.store.views import RecipientRow


@dataclass(frozen=True, slots=True)
class Hit:
    """A tracked request as it came; judged later."""

    user_agent: str
    ip: str
    headers: str
    method: str


class ConfirmView(Protocol):
    """What the page of a double opt-in shows. `done`: it was confirmed."""

    @property
    def list_name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def done(self) -> bool: ...


class JoinForm(Protocol):
    """What the page of a public list shows. `consent`: the words that a person agrees to."""

    @property
    def list_name(self) -> str: ...
    @property
    def brand(self) -> str: ...
    @property
    def consent(self) -> str: ...
    @property
    def challenge(self) -> str: ...
    @property
    def bits(self) -> int: ...


class UnsubscribeView(Protocol):
    """What the unsubscribe page shows. `list_name` empty: all mail of the brand; `done`: they have left already."""

    @property
    def brand(self) -> str: ...
    @property
    def list_name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def done(self) -> bool: ...
    @property
    def tracking(self) -> bool | None: ...


class SignIn(Protocol):
    """`mail.users.Users`."""

    def form_token(self) -> str: ...
    async def sign_in(self, email: str, password: str, *, ip: str = "", user_agent: str = "") -> SignedIn: ...
    async def sign_in_with_code(self, ticket: str, code: str, *, ip: str = "", user_agent: str = "") -> SignedIn: ...
    async def session(self, secret: str) -> Who | None: ...
    async def sign_out(self, secret: str) -> None: ...
    async def sessions(self, user_id: int) -> "Sequence[OpenSession]": ...
    def is_of(self, session: "OpenSession", secret: str) -> bool: ...
    async def end_session(self, user_id: int, session_id: str) -> None: ...
    async def end_other_sessions(self, user_id: int, secret: str) -> None: ...
    async def change_password(
        self, email: str, old: str, new: str, *, ip: str = "", user_agent: str = ""
    ) -> SignedIn: ...


class Codes(Protocol):
    """`mail.second_factor.SecondFactor`."""

    async def standing(self, user_id: int) -> Standing: ...
    async def begin(self, user_id: int, email: str) -> Beginning: ...
    async def begun(self, user_id: int, email: str) -> Beginning | None: ...
    async def confirm(self, user_id: int, code: str) -> Sequence[str]: ...
    async def end(self, user_id: int, code: str) -> None: ...


class Colleagues(Protocol):
    """`mail.people.People`: who belongs to a workspace."""

    async def of_workspace(self, workspace_id: int) -> "Sequence[Member]": ...
    async def add(self, actor: Actor, email: str, password: str, *, role: str, name: str = "") -> "Member": ...
    async def give_role(self, actor: Actor, email: str, role: str) -> None: ...
    async def lock(self, actor: Actor, email: str, *, locked: bool = True) -> None: ...
    async def set_password(self, actor: Actor, email: str, password: str) -> None: ...
    async def take_out(self, actor: Actor, email: str) -> None: ...


class Campaigns(Protocol):
    """Campaigns of a workspace. Paging goes down from `before` (an id); commands raise Conflict where the state forbids."""

    async def page(
        self, workspace_id: int, *, query: str = "", before: int | None = None, limit: int = 25
    ) -> "Sequence[CampaignLine]": ...
    async def pause(self, workspace_id: int, campaign_id: int, *, by: str) -> None: ...
    async def resume(self, workspace_id: int, campaign_id: int, *, by: str) -> None: ...
    async def cancel(self, workspace_id: int, campaign_id: int, *, by: str) -> None: ...


class Reports(Protocol):
    """The figures of a campaign; NotFound for a campaign of another workspace."""

    async def report(self, workspace_id: int, campaign_id: int) -> "Report": ...
    async def forecast(self, workspace_id: int, campaign_id: int) -> "Forecast | None": ...
    async def recipients(
        self, workspace_id: int, campaign_id: int, *, query: str = "", state: str = "", after: int = 0, limit: int = 50
    ) -> "Sequence[RecipientRow]": ...


class Lists(Protocol):
    """`marketing.subscribers.Subscribers`: the mailing lists."""

    async def lists(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> "Sequence[ListRow]": ...
    async def make_list(self, workspace_id: int, name: str, *, public: bool, double_opt_in: bool) -> "ListRow": ...
    async def change_list(self, workspace_id: int, list_id: int, values: Mapping[str, Any]) -> "ListRow": ...
    async def remove_list(self, workspace_id: int, list_id: int) -> None: ...


class Segments(Protocol):
    """`marketing.segment_desk.Segments`: saved segments, and one that is only written."""

    def forms(self, expression: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]: ...
    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> "Sequence[Segment]": ...
    async def get(self, workspace_id: int, segment_id: int) -> "Segment": ...
    async def create(self, workspace_id: int, name: str, expression: str) -> "Segment": ...
    async def change(
        self, workspace_id: int, segment_id: int, *, name: str | None = None, expression: str | None = None
    ) -> "Segment": ...
    async def remove(self, workspace_id: int, segment_id: int) -> None: ...
    async def preview(self, workspace_id: int, expression: str, *, limit: int = 5) -> "Preview": ...
    async def members(
        self, workspace_id: int, segment_id: int, *, search: str = "", after: int = 0, limit: int = 50
    ) -> "Sequence[Contact]": ...


class Queue(Protocol):
    """`mail.queue.Queue`; `workspace_id` None: of all."""

    @property
    def pools(self) -> Sequence[str]: ...

    async def waiting(self, which: "Filter", *, after: int = 0, limit: int = 100) -> "Sequence[Waiting]": ...
    async def whys(self, waiting: "Sequence[Waiting]") -> Sequence[str]: ...
    async def why(self, one: "Waiting") -> str: ...
    async def count(self, which: "Filter") -> "Fitting": ...
    async def show(self, envelope_id: int, *, workspace_id: int | None = None) -> "Waiting": ...
    async def dialogue(self, envelope_id: int, *, workspace_id: int | None = None) -> str: ...
    async def act(self, act: "Act", which: "Filter") -> int: ...
    async def act_on(self, act: "Act", envelope_id: int, *, workspace_id: int | None = None) -> int: ...
    async def move(self, which: "Filter", *, route: str = "", pool: str = "") -> int: ...
    async def sites(self) -> "Sequence[SiteQueue]": ...
    async def held_back(self) -> "Sequence[SiteStanding]": ...
    async def totals(self) -> Mapping[str, int]: ...
    async def retry(self, envelope_id: int, *, workspace_id: int | None = None) -> int: ...
    async def remove(self, envelope_id: int, *, workspace_id: int | None = None) -> int: ...


class Measured(Protocol):
    """`mail.measured.Measured`."""

    def asked(self, kind: str) -> None: ...
    def total(self) -> "tuple[Book, Sequence[WorkerUse]]": ...
    async def depths(self) -> "Depths": ...


class Journeys(Protocol):
    """`mail.journey.Journeys`; `workspace_id` None: of all."""

    async def of_envelope(self, envelope_id: int, *, workspace_id: int | None = None) -> "Journey": ...
    async def in_campaign(
        self, campaign_id: int, envelope_id: int, *, workspace_id: int | None = None
    ) -> "Journey": ...


class MailServer(Protocol):
    """`mail.accounts.Accounts`: domains and mail accounts."""

    async def domains(self) -> "Sequence[Domain]": ...
    async def list(self) -> "Sequence[Account]": ...
    async def add(self, address: str, password: str, *, name: str = "", quota: int | None = None) -> "Account": ...
    async def alias(self, alias: str, address: str) -> None: ...
    async def set_password(self, address: str, password: str) -> None: ...
    async def remove(self, address: str) -> None: ...


class Kept(Protocol):
    """A future that is done when something is on disk, or has failed. Several may wait for it."""

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None: ...
    def cancelled(self) -> bool: ...
    def exception(self) -> BaseException | None: ...


class PublicActions(Protocol):
    """`marketing.public.PublicActions`: what the links in a message do. `signals` is a `Hit`. Each returns after its commit."""

    async def opened(self, token: str, signals: Any) -> bool: ...
    async def followed(self, token: str, number: int, signals: Any) -> str | None: ...
    def opening(self, token: str, signals: Any) -> Kept | None: ...
    def following(self, token: str, number: int, signals: Any) -> tuple[Kept, str] | None: ...
    async def unsubscribe_view(self, token: str) -> UnsubscribeView | None: ...
    async def unsubscribe(self, token: str, how: str, ip: str = "") -> bool: ...
    async def resubscribe(self, token: str, ip: str = "") -> bool: ...
    async def allow_tracking(self, token: str, allowed: bool) -> bool: ...
    async def web_version(self, token: str) -> str | None: ...
    async def confirm_view(self, key: str) -> ConfirmView | None: ...
    async def confirm(self, key: str, ip: str = "", user_agent: str = "") -> ConfirmView | None: ...


class Joining(Protocol):
    """`marketing.joining.Joining`: the forms of public lists."""

    async def form(self, list_id: int, language: str = "en") -> JoinForm | None: ...
    async def join(
        self, list_id: int, address: str, *, name: str = "", language: str = "en", ip: str = "", user_agent: str = "",
        proof: str = "",
    ) -> bool: ...  # fmt: skip


class Served(Protocol):
    """A picture or file for a browser. `shown`: a picture; anything else is only to be saved."""

    @property
    def content_type(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def shown(self) -> bool: ...
    @property
    def name(self) -> str: ...


class ArchivedLetter(Protocol):
    """One campaign in an archive."""

    @property
    def subject(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def day(self) -> str: ...
    @property
    def url(self) -> str: ...


class ArchivePage(Protocol):
    """A page of a list's archive. `older`: where it goes on, or empty."""

    @property
    def list_name(self) -> str: ...
    @property
    def letters(self) -> Sequence[ArchivedLetter]: ...
    @property
    def feed(self) -> str: ...
    @property
    def subscribe(self) -> str: ...
    @property
    def older(self) -> str: ...


class Archive(Protocol):
    """`marketing.archive.Archive`: what was sent to public lists. None: there is no such."""

    async def page(self, list_id: int, before: int | None = None) -> ArchivePage | None: ...
    async def letter(self, list_id: int, campaign_id: int) -> str | None: ...
    async def feed(self, list_id: int) -> bytes | None: ...


class ServesMedia(Protocol):
    """`marketing.media.Media`, for browsers."""

    async def served(self, digest: str) -> Served | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the interface talks to. `dns` looks up the records of a domain; `ready` says whether work can be done."""

    users: SignIn
    people: Colleagues | None = None
    codes: Codes | None = None
    campaigns: Campaigns | None = None
    reports: Reports | None = None
    writing: Writing | None = None
    trials: Trying | None = None
    brands: Senders | None = None
    contacts: Contacts | None = None
    lists: Lists | None = None
    persons: Persons | None = None
    segments: Segments | None = None
    uploads: Uploading | None = None
    imports: Imports | None = None
    import_options: "type[ImportOptions] | None" = None
    shelf: Shelf | None = None
    templates: "Templates | None" = None
    attributes: Attributes | None = None
    queue: Queue | None = None
    journeys: Journeys | None = None
    mail_server: MailServer | None = None
    own_mailboxes: OwnMailboxes | None = None
    webmail: Desk | None = None
    post: Post | None = None
    inbox: Conversations | None = None
    dns: "Callable[[str], Awaitable[Sequence[Finding]]] | None" = None
    actions: PublicActions | None = None
    joining: Joining | None = None
    media: ServesMedia | None = None
    archive: Archive | None = None
    preferring: "PreferencePages | None" = None
    ready: Callable[[], Awaitable[bool]] | None = None
    measured: Measured | None = None
    webhooks: Webhooks | None = None
    audit: Audit | None = None
    tokens: ApiTokens | None = None
    sites: Sites | None = None
    warming: Warming | None = None
    now: Callable[[], float] | None = None
    first_run: FirstRun | None = None
    host: HostChecks | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """Everything the API talks to. `records` and `dns`: what a domain needs, and what DNS says of it. None: no marketing."""

    tokens: ApiTokens
    rate: RequestRate
    repeats: Repeats
    people: People
    directory: Directory
    accounts: Accounts
    records: "Callable[[str], Awaitable[Sequence[Record]]]"
    dns: "Callable[[str], Awaitable[Sequence[Finding]]]"
    queue: Queue
    journeys: Journeys
    events: Events
    webhooks: Webhooks
    mail_events: MailEvents
    audit: Audit
    marketing: "ApiMarketing | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiMarketing:
    """What the API needs of marketing."""

    lines: Campaigns
    campaigns: "WorkspaceCampaigns"
    brands: "Brands"
    reports: Reports
    breakdowns: "Breakdowns"
    groups: "Groups"
    imports: "ContactImport"
    import_options: "type[ImportOptions]"
    templates: "Templates"
    blocks: "Blocks"
    media: "Media"
    messages: "Transactional"
    people: "Subscribers"
    contacts: Contacts
    joining: "JoiningService"
    trials: "Trials"
    privacy: "Privacy"
    consent: "type[Consent]"
    segment_words: Callable[[Mapping[str, Any]], str]
