"""The web part of a worker: the application on its services, served by uvicorn on the sockets of the supervisor."""

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from lettershop.app.house import House
from lettershop.app.mail import MailServices
from lettershop.egress.breakers import rulebook
from lettershop.egress.meters import Meters
from lettershop.egress.warmup import plan_of
from lettershop.insight.dnscheck import Finding, check
from lettershop.insight.dnsrecords import Record, domain_records
from lettershop.insight.hostcheck import HostCheck, Shown
from lettershop.mail.directory import Directory
from lettershop.mail.events import Events
from lettershop.mail.journey import Journeys
from lettershop.mail.measured import Measured
from lettershop.mail.owners import MailEvents
from lettershop.mail.people import People
from lettershop.mail.queue import Queue
from lettershop.mail.repeats import Repeats
from lettershop.mail.request_rate import RequestRate
from lettershop.mail.sites import Sites
from lettershop.mail.warming import Warming
from lettershop.mail.webmail.desk import Desk
from lettershop.mail.webmail.post import Post
from lettershop.net.greet import greeting
from lettershop.servers.web.api.app import build_api
from lettershop.servers.web.app import build
from lettershop.servers.web.patience import PatientProtocol
from lettershop.servers.web.ports import ApiMarketing, ApiServices, Services
from lettershop.servers.web.preferences import PreferencePages
from lettershop.servers.web.quick import Quick
from lettershop.store import accounts, workspaces
from lettershop.store.subscriptions import Consent
from lettershop.supervisor import Sockets


class WebServer:
    """One uvicorn server per listener kind, in this process's event loop."""

    def __init__(self, servers: Sequence[tuple[uvicorn.Server, list[socket.socket]]]) -> None:
        self._servers = servers

    async def started(self) -> None:
        """Returns when every listener accepts."""
        while not all(server.started for server, _ in self._servers):  # noqa: ASYNC110  (uvicorn has no event)
            await asyncio.sleep(0.01)

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set; answers that are under way are finished."""
        async with asyncio.TaskGroup() as group:
            for server, sockets in self._servers:
                group.create_task(_serve(server, sockets))
            await stopping.wait()
            for server, _ in self._servers:
                server.should_exit = True


async def _serve(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    await server._serve(sockets)  # `serve` would take over the process's signals


def build_web(house: House, mail: MailServices, sockets: Sockets, meters: Meters) -> WebServer:
    """The web server on its sockets; https with the mail server's certificate."""
    config = house.config
    marketing = house.marketing
    queue = Queue(house.main_db, house.clock, pools=config.delivery.pools)
    measured = Measured(meters, house.main_db, house.clock)
    webmail = Desk(house.own_mailboxes, mail.mailboxes)
    messages = marketing.transactional(house, mail.submission) if marketing else None
    app = build(
        Services(
            users=house.users,
            people=People(house.main_db, house.users),
            codes=house.users.second,
            campaigns=marketing.campaign_desk if marketing else None,
            reports=marketing.campaign_desk if marketing else None,
            writing=marketing.workspace_campaigns if marketing else None,
            trials=marketing.trials(house, mail.submission) if marketing else None,
            brands=marketing.brands if marketing else None,
            contacts=marketing.contact_desk if marketing else None,
            lists=marketing.subscribers if marketing else None,
            persons=marketing.subscribers if marketing else None,
            segments=marketing.segments if marketing else None,
            uploads=marketing.uploads if marketing else None,
            imports=marketing.imports if marketing else None,
            import_options=marketing.import_options if marketing else None,
            shelf=marketing.media if marketing else None,
            templates=marketing.templates if marketing else None,
            attributes=marketing.attributes if marketing else None,
            queue=queue,
            journeys=Journeys(house.main_db, house.mail_db, queue, house.clock),
            mail_server=house.accounts,
            own_mailboxes=house.own_mailboxes,
            webmail=webmail,
            inbox=marketing.inbox(house, mail.submission) if marketing else None,
            post=Post(webmail, mail.submission, house.clock, config.server.hostname),
            dns=lambda name: _dns(house, name),
            actions=marketing.public if marketing else None,
            joining=marketing.joining(house, messages) if marketing and messages else None,
            media=marketing.media if marketing else None,
            archive=marketing.archive if marketing else None,
            preferring=PreferencePages(marketing.preferring(house, messages), marketing.wanted)
            if marketing and messages
            else None,
            ready=lambda: _ready(house),
            measured=measured,
            webhooks=house.webhooks,
            audit=house.audit,
            tokens=house.api_tokens,
            sites=Sites(house.main_db, house.clock),
            warming=Warming(
                house.main_db,
                house.clock,
                plan_of(config.delivery.warmup, rulebook(config.delivery.breakers).usual),
            ),
            now=house.clock.now,
            first_run=marketing.first_run(house, messages) if marketing and messages else None,
            host=HostCheck(config.server.hostname, house.resolver, partial(_shown, mail), greeting, house.clock),
        ),
        public_url=config.web.public_url,
        trusted=config.server.trusted_networks,
        api=build_api(_api_services(house, mail)),
        upload_limit=config.web.upload_limit * 2**20,
    )
    trusted = ["127.0.0.1", "::1", *map(str, config.server.trusted_networks)]
    http = Quick(marketing.public, trusted, measured.asked).protocol() if marketing else PatientProtocol
    servers: list[tuple[uvicorn.Server, list[socket.socket]]] = []
    for service in ("http", "https"):
        if sockets.get(service):
            servers.append((uvicorn.Server(_settings(app, http, mail, service, trusted)), list(sockets[service])))
    return WebServer(servers)


def _api_services(house: House, mail: MailServices) -> ApiServices:
    marketing, clock = house.marketing, house.clock
    limits = house.config.web
    messages = marketing.transactional(house, mail.submission) if marketing else None
    queue = Queue(house.main_db, clock, pools=house.config.delivery.pools)
    return ApiServices(
        tokens=house.api_tokens,
        rate=RequestRate(clock, limits.api_requests_per_second, limits.api_burst),
        repeats=Repeats(house.main_db, clock),
        people=People(house.main_db, house.users),
        directory=Directory(house.mail_db),
        accounts=house.accounts,
        records=lambda name: _records(house, name),
        dns=lambda name: _dns(house, name),
        queue=queue,
        journeys=Journeys(house.main_db, house.mail_db, queue, house.clock),
        events=Events(house.main_db),
        webhooks=house.webhooks,
        audit=house.audit,
        mail_events=MailEvents(house.main_db, house.mail_db),
        marketing=ApiMarketing(
            lines=marketing.campaign_desk,
            campaigns=marketing.workspace_campaigns,
            brands=marketing.brands,
            reports=marketing.campaign_desk,
            breakdowns=marketing.breakdowns,
            groups=marketing.groups,
            imports=marketing.imports,
            import_options=marketing.import_options,
            templates=marketing.templates,
            blocks=marketing.blocks,
            media=marketing.media,
            messages=messages,
            people=marketing.subscribers,
            contacts=marketing.contact_desk,
            joining=marketing.joining(house, messages),
            trials=marketing.trials(house, mail.submission),
            privacy=marketing.privacy,
            consent=Consent,
            segment_words=marketing.segment_words,
        )
        if marketing and messages
        else None,
    )


def _settings(app: ASGIApp, http: Any, mail: MailServices, service: str, trusted: list[str]) -> uvicorn.Config:
    settings = uvicorn.Config(
        app, http=http, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        proxy_headers=True, forwarded_allow_ips=trusted, timeout_graceful_shutdown=5,
    )  # fmt: skip
    if service == "https":
        files = mail.certificate.files
        settings.ssl_certfile, settings.ssl_keyfile = str(files.certificate), str(files.key)
    return settings


def _shown(mail: MailServices) -> Shown:
    files = mail.certificate.files
    names, self_made = files.shown()
    return Shown(names, files.expires(), self_made)


async def _ready(house: House) -> bool:
    """Whether both halves of the database answer."""
    try:
        await house.mail_db.read(accounts.list_domains)
        await house.main_db.read(workspaces.all_workspaces)
    except Exception:
        return False
    return True


async def _records(house: House, name: str) -> Sequence[Record]:
    return domain_records(name, house.config.server.hostname, await house.accounts.keys(name))


async def _dns(house: House, name: str) -> Sequence[Finding]:
    return await check(await _records(house, name), house.resolver)
