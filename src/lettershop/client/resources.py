"""All operations of the API, a line each. A test holds them to the server's own description: none is missing, none is wrong."""

from types import TracebackType
from typing import Self

from lettershop.client.connection import Connection
from lettershop.client.operations import Act, Fetch, Listing, Remove, Resource, Send, Upload
from lettershop.servers.web.api import (
    accounts,
    audit,
    blocks,
    brands,
    campaign_reports,
    campaign_times,
    campaigns,
    domains,
    events,
    groups,
    imports,
    journeys,
    lists,
    media,
    messages,
    queue,
    reports,
    segments,
    subscribers,
    suppressions,
    templates,
    tokens,
    trials,
    users,
    webhooks,
)


class Accounts(Resource):
    """Mailboxes."""

    all = Listing("/accounts", accounts.Account)
    create = Send("POST", "/accounts", accounts.NewAccount, accounts.Account)
    get = Fetch("/accounts/{}", accounts.Account)
    change = Send("PATCH", "/accounts/{}", accounts.ChangedAccount, accounts.Account)
    remove = Remove("/accounts/{}")


class Audit(Resource):
    """Who did what."""

    all = Listing("/audit", audit.Act)


class Blocks(Resource):
    """Layouts and blocks."""

    all = Listing("/blocks", blocks.Block)
    create = Send("POST", "/blocks", blocks.NewBlock, blocks.Block)
    get = Fetch("/blocks/{}", blocks.Block)
    change = Send("PATCH", "/blocks/{}", blocks.ChangedBlock, blocks.Block)
    remove = Remove("/blocks/{}")


class Brands(Resource):
    """Who writes."""

    all = Listing("/brands", brands.Brand)
    create = Send("POST", "/brands", brands.NewBrand, brands.Brand)


class Campaigns(Resource):
    """Campaigns, from draft to report."""

    all = Listing("/campaigns", campaigns.CampaignLine)
    create = Send("POST", "/campaigns", campaigns.NewCampaign, campaigns.Campaign)
    get = Fetch("/campaigns/{}", campaigns.Campaign)
    change = Send("PATCH", "/campaigns/{}", campaigns.ChangedCampaign, campaigns.Campaign)
    remove = Remove("/campaigns/{}")
    check = Fetch("/campaigns/{}/check", campaigns.Checked)
    preview = Fetch("/campaigns/{}/preview", trials.Preview)
    test = Send("POST", "/campaigns/{}/test", trials.Trial, trials.TrialSent)
    schedule = Send("POST", "/campaigns/{}/schedule", campaigns.When, campaigns.Campaign)
    unschedule = Act("POST", "/campaigns/{}/unschedule", campaigns.Campaign)
    pause = Act("POST", "/campaigns/{}/pause", campaigns.Campaign)
    resume = Act("POST", "/campaigns/{}/resume", campaigns.Campaign)
    cancel = Act("POST", "/campaigns/{}/cancel", campaigns.Campaign)
    throttle = Send("POST", "/campaigns/{}/throttle", campaign_times.Throttle, campaigns.Campaign)
    repeat = Send("POST", "/campaigns/{}/repeat", campaign_times.Repeat, campaigns.Campaign)
    runs = Listing("/campaigns/{}/runs", campaign_times.Run)
    resend = Send("POST", "/campaigns/{}/resend", campaign_times.Again, campaigns.Campaign)
    recipients = Listing("/campaigns/{}/recipients", campaigns.Recipient)
    journey = Fetch("/campaigns/{}/recipients/{}/journey", journeys.Journey)
    report = Fetch("/campaigns/{}/report", campaign_reports.Report)


class Domains(Resource):
    """Domains that we send and receive for."""

    all = Listing("/domains", domains.Domain)
    create = Send("POST", "/domains", domains.NewDomain, domains.Domain)
    get = Fetch("/domains/{}", domains.Domain)
    dns = Fetch("/domains/{}/dns", domains.Records)
    check = Fetch("/domains/{}/check", domains.Records)


class Events(Resource):
    """Everything that happened."""

    all = Listing("/events", events.Event)


class Imports(Resource):
    """People from files."""

    all = Listing("/imports", imports.Import)
    preview = Upload("/imports/preview", imports.Preview)
    create = Upload("/imports", imports.Import)
    get = Fetch("/imports/{}", imports.Import)
    rejected = Fetch("/imports/{}/rejected", bytes)
    undo = Act("POST", "/imports/{}/undo", imports.Import)


class Lists(Resource):
    """Mailing lists."""

    all = Listing("/lists", lists.MailingList)
    create = Send("POST", "/lists", lists.NewList, lists.MailingList)
    get = Fetch("/lists/{}", lists.MailingList)
    change = Send("PATCH", "/lists/{}", lists.ChangedList, lists.MailingList)
    remove = Remove("/lists/{}")
    join = Send("POST", "/lists/{}/join", lists.Joining, lists.Joined)


class Media(Resource):
    """Pictures and files."""

    all = Listing("/media", media.Medium)
    create = Upload("/media", media.Medium)
    get = Fetch("/media/{}", media.Medium)
    remove = Remove("/media/{}")


class Messages(Resource):
    """Single messages."""

    all = Listing("/messages", messages.Message)
    send = Send("POST", "/messages", messages.NewMessage, messages.Message)
    send_batch = Send("POST", "/messages/batch", messages.Batch, messages.BatchTaken)
    get = Fetch("/messages/{}", messages.Message)


class Queue(Resource):
    """What waits to leave."""

    all = Listing("/queue", queue.Waiting)
    act = Send("POST", "/queue", queue.Many, queue.ActedOnMany)
    get = Fetch("/queue/{}", queue.Shown)
    journey = Fetch("/queue/{}/journey", journeys.Journey)
    retry = Act("POST", "/queue/{}/retry", queue.Acted)
    hold = Act("POST", "/queue/{}/hold", queue.Acted)
    release = Act("POST", "/queue/{}/release", queue.Acted)
    remove = Act("DELETE", "/queue/{}", queue.Acted)


class Reports(Resource):
    """Figures."""

    campaigns = Listing("/reports/campaigns", campaigns.CampaignLine)
    campaign = Fetch("/reports/campaigns/{}", campaign_reports.Report)
    breakdown = Fetch("/reports/campaigns/{}/breakdown", reports.Breakdown)
    export = Fetch("/reports/campaigns/{}/export", list[reports.Figure])
    list_ = Fetch("/reports/lists/{}", reports.Together)
    workspace = Fetch("/reports/workspace", reports.Together)
    segment = Fetch("/reports/campaigns/{}/segments/{}", groups.SegmentFigures)
    cohorts = Fetch("/reports/cohorts", groups.Cohorts)


class Segments(Resource):
    """Parts of the audience."""

    all = Listing("/segments", segments.Segment)
    create = Send("POST", "/segments", segments.NewSegment, segments.Segment)
    get = Fetch("/segments/{}", segments.Segment)
    change = Send("PATCH", "/segments/{}", segments.ChangedSegment, segments.Segment)
    remove = Remove("/segments/{}")
    count = Fetch("/segments/{}/count", segments.Count)
    try_out = Send("POST", "/segments/count", segments.Written, segments.Count)


class Subscribers(Resource):
    """People."""

    all = Listing("/subscribers", subscribers.Subscriber)
    create = Send("POST", "/subscribers", subscribers.NewSubscriber, subscribers.Subscriber)
    get = Fetch("/subscribers/{}", subscribers.Subscriber)
    change = Send("PATCH", "/subscribers/{}", subscribers.ChangedSubscriber, subscribers.Subscriber)
    erase = Remove("/subscribers/{}")
    subscribe = Send("POST", "/subscribers/{}/subscribe", subscribers.OnList, subscribers.Subscriber)
    unsubscribe = Send("POST", "/subscribers/{}/unsubscribe", subscribers.OffList, subscribers.Subscriber)
    events = Listing("/subscribers/{}/events", events.Event)
    timeline = Listing("/subscribers/{}/timeline", subscribers.Entry)
    export = Fetch("/subscribers/{}/export", subscribers.Held)


class Suppressions(Resource):
    """Addresses that nobody may write to."""

    all = Listing("/suppressions", suppressions.Suppression)
    create = Send("POST", "/suppressions", suppressions.NewSuppression, suppressions.Suppression)
    get = Fetch("/suppressions/{}", suppressions.Suppression)
    lift = Remove("/suppressions/{}")


class Templates(Resource):
    """Messages to be filled in."""

    all = Listing("/templates", templates.Template)
    create = Send("POST", "/templates", templates.NewTemplate, templates.Template)
    get = Fetch("/templates/{}", templates.Template)
    change = Send("PATCH", "/templates/{}", templates.ChangedTemplate, templates.Template)
    remove = Remove("/templates/{}")


class Tokens(Resource):
    """Keys to this API."""

    all = Listing("/tokens", tokens.Token)
    create = Send("POST", "/tokens", tokens.NewToken, tokens.TokenWithSecret)
    get = Fetch("/tokens/{}", tokens.Token)
    revoke = Remove("/tokens/{}")


class Users(Resource):
    """Colleagues."""

    all = Listing("/users", users.User)
    create = Send("POST", "/users", users.NewUser, users.User)
    get = Fetch("/users/{}", users.User)
    change = Send("PATCH", "/users/{}", users.ChangedUser, users.User)
    remove = Remove("/users/{}")


class Webhooks(Resource):
    """Who is told."""

    all = Listing("/webhooks", webhooks.Webhook)
    create = Send("POST", "/webhooks", webhooks.NewWebhook, webhooks.WebhookWithSecret)
    kinds = Fetch("/webhooks/events", webhooks.EventKinds)
    get = Fetch("/webhooks/{}", webhooks.Webhook)
    change = Send("PATCH", "/webhooks/{}", webhooks.ChangedWebhook, webhooks.Webhook)
    remove = Remove("/webhooks/{}")
    new_secret = Send("POST", "/webhooks/{}/secret", webhooks.NewSecret, webhooks.WebhookWithSecret)
    test = Act("POST", "/webhooks/{}/test", webhooks.Delivery)
    replay = Send("POST", "/webhooks/{}/replay", webhooks.Range, webhooks.Webhook)
    deliveries = Listing("/webhooks/{}/deliveries", webhooks.Delivery)
    delivery = Fetch("/webhooks/{}/deliveries/{}", webhooks.Delivery)
    deliver_again = Act("POST", "/webhooks/{}/deliveries/{}/replay", webhooks.Delivery)


class Client:
    """The whole API. `url` is the server's address, `token` an API token; a context manager that hangs up."""

    def __init__(self, url: str, token: str, *, timeout: float = 30.0, tries: int = 4) -> None:
        self.connection = one = Connection(url, token, timeout=timeout, tries=tries)
        self.accounts, self.audit, self.blocks = Accounts(one), Audit(one), Blocks(one)
        self.brands = Brands(one)
        self.campaigns, self.domains, self.events = Campaigns(one), Domains(one), Events(one)
        self.imports, self.lists, self.media = Imports(one), Lists(one), Media(one)
        self.messages = Messages(one)
        self.queue, self.reports, self.segments = Queue(one), Reports(one), Segments(one)
        self.subscribers, self.suppressions = Subscribers(one), Suppressions(one)
        self.templates, self.tokens, self.users = Templates(one), Tokens(one), Users(one)
        self.webhooks = Webhooks(one)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
