"""A staged interface: the real web application on made-up services, for looking at and for tests without the other rooms.

.venv/bin/python tests/browser/staged.py [port] [--empty]      then sign in as ann@brand.example / letterpress
"""
# ruff: noqa: E501 (made-up figures read better as lines)

import asyncio
import math
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, BinaryIO

import uvicorn
from starlette.types import ASGIApp

from lettershop.base.clock import SystemClock
from lettershop.base.errors import Conflict, Invalid, NotFound
from lettershop.egress.meters import Book, WorkerUse
from lettershop.insight.dnscheck import Finding
from lettershop.insight.dnsrecords import Record
from lettershop.insight.explained import explain
from lettershop.insight.hostcheck import HostFinding
from lettershop.mail.api_tokens import MadeToken, check_scopes
from lettershop.mail.journey import Journey, Step
from lettershop.mail.measured import Depths
from lettershop.mail.people import Actor
from lettershop.mail.queue_why import why
from lettershop.mail.second_factor import Beginning, CodeNeeded, TicketOver, TooManyCodes, WrongCode
from lettershop.mail.second_factor import Standing as CodeStanding
from lettershop.mail.sites import Standing
from lettershop.mail.users import RIGHTS, SignedIn, SignInFailed, TooManyTries, Who
from lettershop.mail.warming import Line as WarmLine
from lettershop.mail.webhooks.desk import NoSuchDelivery, NoSuchWebhook, Webhooks
from lettershop.marketing.audience import Preview
from lettershop.marketing.contacts import with_basis
from lettershop.marketing.import_rows import ImportOptions
from lettershop.marketing.import_run import FilePreview, preview
from lettershop.marketing.joining import JoinForm
from lettershop.marketing.preferences import PreferencesView, RequestView, Wanted
from lettershop.marketing.proof import Challenges
from lettershop.marketing.report import BounceFigures, Latency, LinkFigures, Moment, ProviderFigures, Report
from lettershop.marketing.segment_desk import Segment, SegmentInUse, SegmentUnknown, tree_from, words_from
from lettershop.marketing.templates import Wording, check, fill
from lettershop.marketing.uploads import Heading, headings_of
from lettershop.marketing.views import CampaignLine, ContactCard, ContactLine
from lettershop.servers.web.app import build
from lettershop.servers.web.designs import layout
from lettershop.servers.web.ports import Hit, Services
from lettershop.servers.web.preferences import PreferencePages
from lettershop.store.accounts import Account, Domain
from lettershop.store.api_tokens import ApiToken
from lettershop.store.audit import Act, Noted
from lettershop.store.contacts import Contact
from lettershop.store.imports import ImportJob
from lettershop.store.lists import ListRow
from lettershop.store.preferences import Topic
from lettershop.store.queue import Filter, Fitting, SiteQueue, Waiting
from lettershop.store.schema_delivery import HELD
from lettershop.store.templates import Template
from lettershop.store.users import Member, Membership, OpenSession
from lettershop.store.views import RecipientRow, TimelineRow
from lettershop.store.webhook_deliveries import Delivery
from lettershop.store.webhooks import Webhook

NOW = time.time()
EMAIL, PASSWORD = "ann@brand.example", "letterpress"
NAMES = (
    "Ada Lindqvist", "José Ramírez", "Mette Sørensen", "Łukasz Wójcik", "Zoë Müller", "Noor van Dijk", "Chloé Dubois",
    "Tomáš Novák", "Aoife O’Brien", "Giulia Ferri", "Jürgen Groß", "Ines Almeida", "Sven Åkesson", "Maja Kovač",
)  # fmt: skip
SITES = ("inbox.example", "mailbox.example", "post.example", "uni.example", "firma.example")

SEGMENTS = {
    "Buyers": "orders > 0",
    "Buyers from Berlin": 'in segment "Buyers" and city = "Berlin"',
    "Awake": "opened in last 30 days or clicked in last 90 days",
}


class FakeCodes:
    """Codes: 123456 is right."""

    def __init__(self) -> None:
        self.on = False

    async def standing(self, user_id: int) -> CodeStanding:
        return CodeStanding(self.on, 10 if self.on else 0)

    async def begin(self, user_id: int, email: str) -> Beginning:
        return Beginning(
            "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            f"otpauth://totp/Lettershop:{email}?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        )

    async def begun(self, user_id: int, email: str) -> Beginning:
        return await self.begin(user_id, email)

    async def confirm(self, user_id: int, code: str) -> list[str]:
        await self.check(code)
        self.on = True
        return [f"aaaa-bbbb-cccc-000{n}" for n in range(10)]

    async def end(self, user_id: int, code: str) -> None:
        await self.check(code)
        self.on = False

    async def check(self, code: str) -> None:
        if code != "123456":
            raise WrongCode("This code is wrong, too old, or was used before.")


class FakePeople:
    """The people of a workspace; keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        names = ("Ann Printer", *NAMES[:5], "")
        self.members = [Member(n, f"{name.split()[0].lower()}@brand.example" if name else "post@brand.example", name, role, n == 4)
                        for n, (name, role) in enumerate(zip(names, ("owner", "owner", *tuple(RIGHTS)[1:]), strict=True), 1)]  # fmt: skip

    async def of_workspace(self, workspace_id: int) -> list[Member]:
        return self.members

    async def add(self, actor: Actor, email: str, password: str, *, role: str, name: str = "") -> Member:
        if email == self.members[0].email:
            raise Conflict("This address has an account already.")
        self.told.append(("add", actor, email, password, role, name))
        return Member(9, email, name, role, False)

    async def give_role(self, actor: Actor, email: str, role: str) -> None:
        self.told.append(("role", actor, email, role))

    async def lock(self, actor: Actor, email: str, *, locked: bool = True) -> None:
        self.told.append(("lock", actor, email, locked))

    async def set_password(self, actor: Actor, email: str, password: str) -> None:
        self.told.append(("password", actor, email, password))

    async def take_out(self, actor: Actor, email: str) -> None:
        self.told.append(("out", actor, email))


@dataclass
class FakeUsers:
    """One person with a role; sessions in memory."""

    role: str = "owner"
    open: dict[str, Who] = field(default_factory=dict)
    made: int = 0
    workspaces: int = 1
    codes: FakeCodes = field(default_factory=FakeCodes)

    def form_token(self) -> str:
        self.made += 1
        return f"form-token-{self.made}"

    async def sign_in(self, email: str, password: str, *, ip: str = "", user_agent: str = "") -> SignedIn:
        if password == "again and again":
            raise TooManyTries(30)
        if (email, password) != (EMAIL, PASSWORD):
            raise SignInFailed("This address and password do not belong together.")
        if self.codes.on:
            raise CodeNeeded("ticket-1")
        return self.opened()

    async def sign_in_with_code(self, ticket: str, code: str, *, ip: str = "", user_agent: str = "") -> SignedIn:
        if ticket != "ticket-1":
            raise TicketOver("This took too long or was tried too often.")
        if code == "999999":
            raise TooManyCodes(30)
        await self.codes.check(code)
        return self.opened()

    def opened(self) -> SignedIn:
        self.made += 1
        members = tuple(
            Membership(n + 1, name, self.role) for n, name in enumerate(("Brand", "Second")[: self.workspaces])
        )
        who = Who(1, EMAIL, "Ann Printer", f"csrf-{self.made}", members, 1, "Brand", self.role, 1)
        self.open[f"secret-{self.made}"] = who
        return SignedIn(f"secret-{self.made}", who, 3600.0)

    async def session(self, secret: str) -> Who | None:
        return self.open.get(secret)

    async def sessions(self, user_id: int) -> list[OpenSession]:
        return [OpenSession(f"id of {secret}", NOW - 4000, NOW + 9e5, "203.0.113.7", "Mozilla/5.0 (X11; Linux x86_64) Chromium/140") for secret in self.open]  # fmt: skip

    def is_of(self, session: OpenSession, secret: str) -> bool:
        return session.id == f"id of {secret}"

    async def end_session(self, user_id: int, session_id: str) -> None:
        self.open.pop(session_id.removeprefix("id of "), None)

    async def end_other_sessions(self, user_id: int, secret: str) -> None:
        self.open = {kept: who for kept, who in self.open.items() if kept == secret}

    async def change_password(self, email: str, old: str, new: str, *, ip: str = "", user_agent: str = "") -> SignedIn:
        signed = await self.sign_in(email, old)
        await self.end_other_sessions(1, signed.secret)
        return signed

    async def sign_out(self, secret: str) -> None:
        self.open.pop(secret, None)


def line(number: int, name: str, subject: str, state: str, recipients: int, share: float) -> CampaignLine:
    sent = round(recipients * share)
    bounced, delivered = round(sent * 0.028), sent - round(sent * 0.028) - round(sent * 0.004)
    done = state == "done"
    return CampaignLine(
        number, name, subject, state, NOW - number * 40_000, NOW + 86_400 if state == "scheduled" else None,
        NOW - (10 - number) * 86_000 + 80_000 if sent else None, NOW - (10 - number) * 86_000 + 80_900 if done else None, recipients,
        sent, delivered, bounced, round(delivered * 0.41), round(delivered * 0.087), round(delivered * 0.011),
        round(delivered * 0.004), round(delivered * 0.0007),
    )  # fmt: skip


LINES = [
    line(9, "Winter catalogue", "Ada, the new papers are here", "sending", 48_200, 0.63),
    line(8, "Black week, second wave", "Last chance: 20 % on letterpress", "scheduled", 0, 0),
    line(7, "Newsletter November", "Three things we learned about ink", "done", 21_480, 1),
    line(6, "Open workshop", "You are invited: open workshop on Saturday", "done", 1_960, 1),
    line(5, "Newsletter October", "Why cotton paper takes an impression so well", "done", 20_911, 1),
    line(4, "Customers who bought cards", "Your cards, one year on", "paused", 5_400, 0.4),
    line(3, "Newsletter September", "From the type case: Garamond", "done", 20_120, 1),
    line(2, "Survey", "Two minutes for better paper?", "cancelled", 9_900, 0.2),
    line(1, "Summer sale", "Sommerschlussverkauf: alles muss raus", "done", 18_775, 1),
]


class FakeCampaigns:
    def __init__(self, lines: list[CampaignLine]) -> None:
        self.lines = lines
        self.told: list[tuple[str, int, str]] = []

    async def page(
        self, workspace_id: int, *, query: str = "", before: int | None = None, limit: int = 25
    ) -> list[CampaignLine]:
        fitting = [entry for entry in self.lines if query.lower() in f"{entry.name} {entry.subject}".lower()]
        return [entry for entry in fitting if before is None or entry.id < before][:limit]

    async def pause(self, workspace_id: int, campaign_id: int, *, by: str) -> None:
        self._move("pause", campaign_id, by, "sending", "paused")

    async def resume(self, workspace_id: int, campaign_id: int, *, by: str) -> None:
        self._move("resume", campaign_id, by, "paused", "sending")

    async def cancel(self, workspace_id: int, campaign_id: int, *, by: str) -> None:
        self._move("cancel", campaign_id, by, "", "cancelled")

    def _move(self, command: str, campaign_id: int, by: str, only: str, to: str) -> None:
        for position, entry in enumerate(self.lines):
            if entry.id == campaign_id:
                if only and entry.state != only:
                    raise Conflict(f"The campaign is {entry.state}, not {only}.")
                self.told.append((command, campaign_id, by))
                self.lines[position] = replace(entry, state=to)


def report_of(entry: CampaignLine, moved: int = 0) -> Report:
    dice = random.Random(entry.id)
    soft, waiting = round(entry.sent * 0.003), max(0, entry.sent - entry.delivered - entry.bounced)
    hard = entry.bounced - soft
    providers = []
    weights = (0.44, 0.27, 0.15, 0.09, 0.05)
    for site, weight in zip(SITES, weights, strict=True):
        part = [round(value * weight) for value in (entry.sent, hard, soft, waiting)]
        delivered = part[0] - part[1] - part[2] - part[3]
        providers.append(
            ProviderFigures(site, part[0], delivered, part[1], part[2], part[3], round(delivered * dice.uniform(0.3, 0.5)),
                            round(delivered * dice.uniform(0.05, 0.12)), round(delivered * dice.choice([0, 0.0006, 0.002])))
        )  # fmt: skip
    urls = ("https://brand.example/shop/new-papers", "https://brand.example/workshop?seat=2", "https://brand.example/journal/ink",
            "https://brand.example/account", "https://brand.example/unsubscribe-hints")  # fmt: skip
    labels = ("See the new papers", "Book a seat", "Read the story", "Your account", "")
    links = [
        LinkFigures(n + 1, url, labels[n], round(entry.clicked * w), round(entry.clicked * w * 1.3), round(entry.clicked * w * 0.9))
        for n, (url, w) in enumerate(zip(urls, (0.58, 0.31, 0.22, 0.06, 0.01), strict=True))
    ]  # fmt: skip
    bounces = (
        BounceFigures("user-unknown", True, round(hard * 0.8), "550 5.1.1 <old@inbox.example>: user unknown", "The address does not exist any more. It is suppressed; ask the person another way."),
        BounceFigures("mailbox-full", False, soft, "452 4.2.2 The mailbox is full", "Nothing to do: it was tried for three days. Contacts whose mailbox stays full are best left out."),
        BounceFigures("policy", True, hard - round(hard * 0.8), "550 5.7.26 This mail is unauthenticated", "The receiver wants SPF or DKIM to match the From domain. Look at Domains and set the records that are missing."),
    )  # fmt: skip
    start = entry.started_at or NOW
    curve = []
    for step in range(48):
        decay = math.exp(-step / 9)
        wave = 0.6 + 0.4 * math.sin(step / 4)
        curve.append(
            Moment(start + step * 1800, round(entry.delivered * (0.9 if step == 0 else 0.1 if step == 1 else 0)),
                   round(entry.opened * decay * wave * 0.12) + moved, round(entry.clicked * decay * wave * 0.12))
        )  # fmt: skip
    return Report(
        entry.id, entry.name, entry.subject, entry.state, entry.started_at, entry.finished_at, entry.recipients,
        entry.recipients - entry.sent - 12 if entry.state != "done" else 0, entry.sent, entry.delivered, hard, soft, waiting, 12,
        entry.opened + moved, round(entry.opened * 0.6), entry.clicked, round(entry.clicked * 0.8), entry.unsubscribed,
        entry.complained, entry.replied, Latency(184.0, 912.0, 4380.0), tuple(links), tuple(providers), bounces, tuple(curve),
    )  # fmt: skip


class FakeReports:
    def __init__(self, campaigns: FakeCampaigns) -> None:
        self.campaigns = campaigns
        self.asked = 0

    async def report(self, workspace_id: int, campaign_id: int) -> Report:
        self.asked += 1
        for entry in self.campaigns.lines:
            if entry.id == campaign_id:
                return report_of(entry, self.asked if entry.state == "sending" else 0)
        raise NotFound("There is no such campaign.")

    async def forecast(self, workspace_id: int, campaign_id: int) -> None:
        return None

    async def recipients(
        self, workspace_id: int, campaign_id: int, *, query: str = "", state: str = "", after: int = 0, limit: int = 50
    ) -> list[RecipientRow]:
        dice = random.Random(campaign_id)
        found = []
        for number in range(1, 300):
            name = NAMES[number % len(NAMES)]
            address = f"{name.split()[0].lower()}{number}@{SITES[number % 5]}"
            kind = dice.choices(["delivered", "bounced", "waiting", "withheld"], [92, 3, 3, 2])[0]
            answer = {"delivered": "250 2.0.0 OK queued as 4hW9x", "bounced": "550 5.1.1 user unknown, this mailbox does not exist here any more", "waiting": "451 4.7.1 Greylisted, come back in 5 minutes", "withheld": ""}[kind]  # fmt: skip
            opened = NOW - 500 if kind == "delivered" and dice.random() < 0.4 else None
            found.append(
                RecipientRow(number, number, address, name, kind, 2 if kind == "waiting" else 1, NOW - 900 + number if kind != "waiting" else None,
                              NOW + 300 if kind == "waiting" else None, answer, opened, NOW - 800 if kind == "delivered" and dice.random() < 0.5 else None,
                              NOW - 300 if opened and dice.random() < 0.3 else None, NOW if opened and dice.random() < 0.02 else None,
                              NOW if opened and dice.random() < 0.03 else None, NOW if opened and dice.random() < 0.05 else None)
            )  # fmt: skip
        fits = [entry for entry in found if query.lower() in entry.address.lower() and entry.envelope_id > after]
        deeds = {"opened": "opened_at", "clicked": "clicked_at", "replied": "replied_at"}
        if state in deeds:
            fits = [entry for entry in fits if getattr(entry, deeds[state])]
        elif state:
            fits = [entry for entry in fits if entry.state == state]
        return fits[:limit]


class FakeContacts:
    async def count(self, workspace_id: int) -> int:
        return 21_904

    async def page(self, workspace_id: int, *, query: str = "", after: int = 0, limit: int = 50) -> list[ContactLine]:
        found = [self._line(number) for number in range(1, 180)]
        return [entry for entry in found if entry.id > after and query.lower() in f"{entry.name} {entry.address}".lower()][:limit]  # fmt: skip

    async def card(self, workspace_id: int, contact_id: int) -> ContactCard:
        if contact_id > 1000:
            raise NotFound("There is no such contact.")
        attributes = {"city": "Göteborg", "plan": "studio", "orders": 7, "birthday": "1987-04-02"}
        return ContactCard(
            self._line(contact_id), attributes, True, (("Newsletter", "subscribed", NOW - 9e6), ("Workshops", "unsubscribed", NOW - 2e6)),
            ((NOW - 9e6, "express", "Signed up at the till, double opt-in", "form"),),
        )  # fmt: skip

    async def timeline(
        self, workspace_id: int, contact_id: int, *, before: int | None = None, limit: int = 50
    ) -> list[TimelineRow]:
        story = [
            ("Replied", {"subject": "Re: the new papers", "message_id": 4}), ("Clicked", {"link": 1}), ("Opened", {}),
            ("Delivered", {"code": 250, "text": "2.0.0 OK queued as 4hW9x"}),
            ("Deferred", {"code": 451, "text": "4.7.1 Greylisted, come back in 5 minutes", "reason": "greylisted"}),
            ("AutoReplied", {"subject": "Out of office"}), ("Delivered", {"code": 250, "text": "2.0.0 OK"}),
            ("Unsubscribed", {"how": "one-click"}), ("ContactChanged", {"what": "subscribed", "source": "form"}),
        ]  # fmt: skip
        names = {9: "Winter catalogue", 7: "Newsletter November"}
        made = [
            TimelineRow(100 - n, NOW - n * 40_000, kind, 9 if n < 5 else 7 if n < 8 else None, names[9 if n < 5 else 7], data)
            for n, (kind, data) in enumerate(story)
        ]  # fmt: skip
        return [entry for entry in made if before is None or entry.id < before][:limit]

    def _line(self, number: int) -> ContactLine:
        name = NAMES[number % len(NAMES)]
        seen = NOW - number * 50_000
        return ContactLine(
            number, f"{name.split()[0].lower()}.{number}@{SITES[number % 5]}", name if number % 9 else "", ("Newsletter", "Workshops")[: 1 + number % 2],
            "hard-bounce" if number % 23 == 0 else "", NOW - 9e6, seen if number % 3 else None, seen if number % 4 == 0 else None,
            seen if number % 11 == 0 else None,
        )  # fmt: skip


class FakeQueue:
    def __init__(self, size: int = 12) -> None:
        self.size = size
        self.told: list[tuple[str, int | Filter, int | None]] = []

    pools = ("warm", "bulk")

    async def waiting(self, which: Filter, *, after: int = 0, limit: int = 100) -> list[Waiting]:
        answers = (
            "451 4.7.1 Greylisted, come back in 5 minutes",
            "421 4.7.28 Too many messages from your network, slow down",
            None,
        )
        found = [
            Waiting(n, 1, 9 if n % 4 else None, n, None if n % 4 else n, None if n % 4 else "postmaster@brand.example",
                    f"{NAMES[n % 14].split()[0].lower()}{n}@{SITES[n % 5]}", SITES[n % 5], "leased" if n == 2 else "queued", 0 if n % 3 == 2 else n % 5,
                    NOW - 4000, HELD + NOW - 600 if n % 5 == 4 else NOW + 240 * n, NOW + 259_200, None, answers[n % 3])
            for n in range(1, self.size + 1)
        ]  # fmt: skip
        return [entry for entry in found if entry.envelope_id > after and which.site in (None, entry.site)][:limit]

    async def whys(self, waiting: Sequence[Waiting]) -> list[str]:
        return [why(one, (), NOW) for one in waiting]

    async def count(self, which: Filter) -> Fitting:
        return Fitting(self.size * 1480, 3, 2, NOW - 4000)

    async def act(self, act: str, which: Filter) -> int:
        self.told.append((act, which, which.workspace_id))
        return self.size * 1480

    async def move(self, which: Filter, *, route: str = "", pool: str = "") -> int:
        self.told.append((f"move to {pool}", which, which.workspace_id))
        return self.size * 1480

    async def sites(self) -> list[SiteQueue]:
        return [SiteQueue(site, self.size * 900 // (n + 1), 40 // (n + 1), n % 2, NOW - 4000, NOW + 60 * n) for n, site in enumerate(SITES)] if self.size else []  # fmt: skip

    async def held_back(self) -> list[Standing]:
        why = "Yahoo sees unexpected volume or complaints and wants us to come back in two hours. (421 4.7.0 [TSS04])"
        return [
            Standing("yahoo", "192.0.2.10", "yahoo", 0, 1, 10, 0.0, 0.0, 1204, 0.0, NOW + 5400, why, NOW),
            Standing("orange", "192.0.2.10", "orange", 1, 1, 2, 42.0, 0.7, 310, 0.0, 0.0, "421 4.7.1 Service refused", NOW),
        ]  # fmt: skip

    async def totals(self) -> dict[str, int]:
        return {"queued": self.size * 1480, "leased": min(self.size, 4)}

    async def act_on(self, act: str, envelope_id: int, *, workspace_id: int | None = None) -> int:
        self.told.append((act, envelope_id, workspace_id))
        return int(act != "remove")


class FakeJourneys:
    """The same story for everybody."""

    def __init__(self, queue: FakeQueue) -> None:
        self.queue = queue

    async def of_envelope(self, envelope_id: int, *, workspace_id: int | None = None) -> Journey:
        found = await self.queue.waiting(Filter(), after=envelope_id - 1, limit=1)
        if not found:
            raise NotFound("This message is not in the queue.")
        steps = (
            Step(NOW - 4000, "HandedOver", "Handed over for delivery"),
            Step(NOW - 3990, "Deferred", "Attempt 1: put off by mx1.inbox.example (greylisted), to be tried again after 5 min", "451 4.7.1 Greylisted, come back in 5 minutes"),
            Step(NOW - 3600, "Delivered", "Delivered to mx1.inbox.example over TLSv1.3, at attempt 2, 7 min after the hand-over", "250 2.0.0 OK queued as 4hW9x"),
            Step(NOW - 3500, "Opened", "Opened (by a machine: proxy)", machine=True), Step(NOW - 900, "Clicked", "Followed link 2", machine=False),
        )  # fmt: skip
        said = "S: 220 mx1.inbox.example ESMTP\nC: EHLO mail.brand.example\nC: RCPT TO:<ann@inbox.example>\nS: 451 4.7.1 Greylisted, come back in 5 minutes"
        return Journey(found[0], why(found[0], (), NOW), said, steps)

    async def in_campaign(self, campaign_id: int, envelope_id: int, *, workspace_id: int | None = None) -> Journey:
        return await self.of_envelope(envelope_id, workspace_id=workspace_id)


class FakeMailServer:
    def __init__(self, full: bool = True) -> None:
        self.full = full

    async def domains(self) -> list[Domain]:
        return [Domain(1, "brand.example", 1, True, True, NOW - 9e6), Domain(2, "news.brand.example", 1, False, True, NOW - 3e6)] if self.full else []  # fmt: skip

    async def list(self) -> list[Account]:
        if not self.full:
            return []
        made = [
            Account(n, f"{name.split()[0].lower()}@brand.example", 1, name, "", 2_000_000_000 if n % 3 else None, n * 143_000_000, False, n == 5, NOW - 8e6)
            for n, name in enumerate(NAMES, 1)
        ]  # fmt: skip
        return sorted(made, key=lambda account: account.address)


class FakeSites:
    """A receiver that takes nothing, a slow one, an open one."""

    async def standings(self) -> list[Standing]:
        why = "The receiver refused 12 messages in a row: 550 5.7.1 blocked"
        return [
            Standing("mx.freemail.example", "203.0.113.5", "default", 0, 1, 10, 0.0, 0.0, 1200, 0.0, NOW + 900, why, NOW),
            Standing("mx.slow.example", "", "default", 2, 2, 10, 30.0, 1.0, 40, NOW + 60, 0.0, "421 4.7.0 too many", NOW),
            Standing("mx.office.example", "", "default", 5, 10, 10, 0.0, 80.0, 0, 0.0, 0.0, "", NOW),
        ]  # fmt: skip

    async def resume(self, site: str, source: str | None = None) -> int:
        return 1


class FakeWarming:
    """One warm-up under way, one over."""

    async def lines(self) -> list[WarmLine]:
        return [
            WarmLine("203.0.113.5", "brand.example", "gmail", 3, 20, 800, 640, "2026-12-20", ""),
            WarmLine("203.0.113.5", "brand.example", "other", 20, 20, None, 0, None, ""),
        ]


class FakeTokens:
    """Two tokens."""

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 100) -> list[ApiToken]:
        return [
            ApiToken(1, 1, "Shop", ["messages", "subscribers:read"], NOW - 9e5, "ann@brand.example", NOW - 60, None, None),
            ApiToken(2, 1, "Warehouse", ["read"], NOW - 9e6, "", None, NOW + 9e6, None),
        ]  # fmt: skip

    async def create(self, workspace_id: int, name: str, scopes: list[str], **more: Any) -> MadeToken:
        return MadeToken("lst_secret", ApiToken(3, 1, name, check_scopes(scopes), NOW, "", None, None, None))

    async def revoke(self, workspace_id: int, token_id: int) -> None:
        return None


class FakeJoining:
    """One public list; notes who asked and whether their browser had worked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self._challenges = Challenges(b"k" * 32, 12)

    async def form(self, list_id: int, language: str = "en") -> JoinForm | None:
        challenge = self._challenges.issue(list_id, NOW, b"12345678")
        words = "I want to get “Newsletter” from Printers & Co. by email and can leave at any time."
        return JoinForm(1, "Newsletter", "Printers & Co.", words, challenge, 12) if list_id == 1 else None

    async def join(self, list_id: int, address: str, *, proof: str = "", **others: str) -> bool:
        self.asked.append((address, self._challenges.solved(proof, list_id, NOW)))
        return True


class FakePreferring:
    """The wishes of the token "good", and its two requests."""

    def __init__(self) -> None:
        self.saved: list[Wanted] = []

    async def view(self, token: str) -> PreferencesView | None:
        topics = (Topic(1, "Newsletter", True), Topic(2, "Workshops", False))
        view = PreferencesView("Brand", "a…n@brand.example", topics, 7, NOW + 9e5, None, False)
        return view if token == "good" else None

    async def save(self, token: str, wanted: Wanted, ip: str) -> bool:
        self.saved.append(wanted)
        return token == "good"

    async def ask(self, token: str, kind: str, language: str) -> bool:
        return token == "good"

    async def opened(self, key: str) -> RequestView | None:
        return RequestView(key, "ann@brand.example") if key in ("data", "erase") else None

    async def data(self, key: str) -> dict[str, Any] | None:
        return {"contacts": [{"email": "ann@brand.example"}]}

    async def erase(self, key: str) -> bool:
        return True


class FakeFirstRun:
    """First steps of which all but the test mail are done."""

    async def standing(self, workspace_id: int) -> Any:
        return SimpleNamespace(
            organisation="Brand", mailboxes=True, tested=False, done=True, domains=[SimpleNamespace(name="brand.example")],
            brand=SimpleNamespace(name="Brand", from_name="Brand", from_address="news@brand.example", postal_address="1 Street"),
        )  # fmt: skip

    async def test(self, workspace_id: int, message_id: int) -> Any:
        one = SimpleNamespace(address="ann@elsewhere.example", state="delivered", answer="250 2.0.0 OK")
        raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=brand.example\r\nFrom: Brand <news@brand.example>\r\nX-Own: 1\r\n\r\n"
        return SimpleNamespace(message=SimpleNamespace(recipients=[one]), header=explain(raw))


class FakeHost:
    """A host with a wrong reverse name."""

    async def look(self, reach: str) -> list[HostFinding]:
        found = [
            HostFinding("address", "ok", "203.0.113.5"), HostFinding("reverse", "different", "203.0.113.5 → x.example", "Set it."),
            HostFinding("certificate", "ok", "mail.brand.example, until 2027-01-01"),
        ]  # fmt: skip
        return [*found, HostFinding("port 25", "ok", "mx.example: 220 hello")] if reach else found


async def fake_dns(name: str) -> list[Finding]:
    records = [
        (Record(name, "MX", "10 mail.brand.example", "Mail for this domain comes to us."), "ok", ()),
        (Record(name, "TXT", "v=spf1 mx -all", "SPF: only our servers send with this domain in MAIL FROM."), "different", ("v=spf1 include:old.example ~all",)),
        (Record(f"202611r._domainkey.{name}", "TXT", "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 8, "DKIM: receivers check our rsa signature with this key."), "ok", ()),
        (Record(f"_dmarc.{name}", "TXT", f"v=DMARC1; p=quarantine; rua=mailto:postmaster@{name}", "DMARC: what receivers do with mail that pretends to be from this domain."), "missing", ()),
    ]  # fmt: skip
    return [Finding(record, verdict, found, "") for record, verdict, found in records]


@dataclass(frozen=True)
class View:
    brand: str = "Brand & Daughters"
    list_name: str = "Newsletter"
    address: str = "a…a@inbox.example"
    done: bool = False
    tracking: bool | None = None


@dataclass(frozen=True)
class Confirm:
    list_name: str = "News & Offers"
    address: str = "a…a@inbox.example"
    done: bool = False


class FakeActions:
    """Knows the token "good" and its link 1."""

    def __init__(self) -> None:
        self.hits: list[tuple[str, Hit]] = []
        self.left: list[tuple[str, str]] = []
        self.confirmed: list[tuple[str, str]] = []
        self.view = View()

    async def opened(self, token: str, signals: Hit) -> bool:
        self.hits.append(("opened", signals))
        return token == "good"

    async def followed(self, token: str, number: int, signals: Hit) -> str | None:
        if (token, number) != ("good", 1):
            return None
        self.hits.append(("clicked", signals))
        return "https://brand.example/shop?a=1&b=2"

    async def unsubscribe_view(self, token: str) -> View | None:
        return self.view if token == "good" else None

    async def unsubscribe(self, token: str, how: str, ip: str = "") -> bool:
        if token != "good":
            return False
        self.left.append((how, ip))
        self.view = replace(self.view, done=True)
        return True

    async def resubscribe(self, token: str, ip: str = "") -> bool:
        self.view = replace(self.view, done=False)
        return token == "good"

    async def allow_tracking(self, token: str, allowed: bool) -> bool:
        self.view = replace(self.view, tracking=allowed)
        return token == "good"

    async def confirm_view(self, key: str) -> Confirm | None:
        return Confirm(done=bool(self.confirmed)) if key == "good" else None

    async def confirm(self, key: str, ip: str = "", user_agent: str = "") -> Confirm | None:
        if key == "good":
            self.confirmed.append((ip, user_agent))
        return await self.confirm_view(key)

    async def web_version(self, token: str) -> str | None:
        return "<h1>Hello</h1><script>alert(1)</script>" if token == "good" else None


class FakeLists:
    """Lists in memory."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.rows = {n: ListRow(n, name, n == 1, n < 3, NOW - n * 1e6, 19_000 // n) for n, name in enumerate(names, 1)}

    def _free(self, name: object, list_id: int) -> None:
        if any(row.name == name and row.id != list_id for row in self.rows.values()):
            raise Conflict(f"There is a list {name!r} already.")

    async def lists(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> list[ListRow]:
        return [row for row in self.rows.values() if row.id > after][:limit]

    async def make_list(self, workspace_id: int, name: str, *, public: bool, double_opt_in: bool) -> ListRow:
        self._free(name, 0)
        number = len(self.rows) + 1
        self.rows[number] = ListRow(number, name, public, double_opt_in, NOW, 0)
        return self.rows[number]

    async def change_list(self, workspace_id: int, list_id: int, values: Mapping[str, Any]) -> ListRow:
        if list_id not in self.rows:
            raise NotFound(f"There is no list {list_id}.")
        self._free(values.get("name"), list_id)
        self.rows[list_id] = replace(self.rows[list_id], **values)
        return self.rows[list_id]

    async def remove_list(self, workspace_id: int, list_id: int) -> None:
        if list_id == 1:
            raise Conflict("A campaign that is scheduled or being sent needs this list.", remedy="Cancel it first.")
        if self.rows.pop(list_id, None) is None:
            raise NotFound(f"There is no list {list_id}.")


class FakeWebhooks:
    """Webhooks in memory; what is refused is refused by the real rules."""

    def __init__(self, empty: bool) -> None:
        self.rows: dict[int, Webhook] = {}
        self.done: list[tuple[Any, ...]] = []
        self.rules = Webhooks(None, None, SystemClock())  # type: ignore[arg-type]
        if not empty:
            self._keep("Shop", "https://shop.example/mail", [], delivered_at=NOW - 20)
            self._keep(
                "Old CRM",
                "https://old.example/hook",
                ["Unsubscribed"],
                active=False,
                off_why="It answered 410: gone for good.",
            )
            self._keep(
                "Data warehouse",
                "https://facts.example/in?source=mail",
                ["Bounced", "Complained"],
                failing_since=NOW - 7000,
                failures=5,
            )

    def _keep(self, name: str, url: str, kinds: list[str], **values: Any) -> Webhook:
        number = max(self.rows, default=0) + 1
        usual = {
            "old_secret": None, "old_secret_until": None, "active": True, "off_why": "", "created_at": NOW, "created_by": "",
            "facts_position": 0, "mail_facts_position": 0, "failures": 0, "failing_since": None, "rests_until": 0.0, "delivered_at": None,
        }  # fmt: skip
        self.rows[number] = Webhook(
            id=number,
            workspace_id=1,
            name=name,
            url=url,
            kinds=kinds,
            secret=f"whsec_{number:032}",
            **{**usual, **values},
        )
        return self.rows[number]

    async def create(self, workspace_id: int, name: str, url: str, kinds: list[str], *, by: str) -> Webhook:
        values = self.rules._checked({"name": name, "url": url, "kinds": kinds})
        return self._keep(values["name"], values["url"], values["kinds"])

    async def get(self, workspace_id: int, webhook_id: int) -> Webhook:
        if webhook_id not in self.rows:
            raise NoSuchWebhook("There is no such webhook.")
        return self.rows[webhook_id]

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> list[Webhook]:
        return list(self.rows.values())[:limit]

    async def waiting(self, ids: list[int]) -> dict[int, int]:
        return {3: 1204}

    async def change(self, workspace_id: int, webhook_id: int, values: Mapping[str, Any]) -> Webhook:
        self.rows[webhook_id] = replace(await self.get(1, webhook_id), **self.rules._checked(values))
        return self.rows[webhook_id]

    async def rotate(self, workspace_id: int, webhook_id: int) -> Webhook:
        return await self.change(1, webhook_id, {"secret": f"whsec_{NOW:032.0f}"})

    async def remove(self, workspace_id: int, webhook_id: int) -> None:
        del self.rows[(await self.get(1, webhook_id)).id]

    async def test(self, workspace_id: int, webhook_id: int) -> None:
        if not (await self.get(1, webhook_id)).active:
            raise Conflict("This webhook is off.", remedy="Turn it on first.")
        self.done.append(("test", webhook_id))

    async def again(self, workspace_id: int, webhook_id: int, delivery_id: int) -> None:
        if not 0 < delivery_id <= 100:
            raise NoSuchDelivery("There is no such delivery.")
        self.done.append(("again", delivery_id))

    async def replay(self, workspace_id: int, webhook_id: int, *, since: float, until: float | None) -> None:
        self.done.append(("replay", since, until))

    async def deliveries(
        self, workspace_id: int, webhook_id: int, *, before: int | None, state: str, limit: int
    ) -> list[Delivery]:
        kinds, made = ("Bounced", "Delivered", "Opened", "Clicked", "Replied"), []
        for number in range((before or 61) - 1, 0, -1):
            status = (1, 0, 1, 2, 1)[number % 5]
            at, answer = (
                NOW - (61 - number) * 300,
                {0: "Internal Server Error", 1: "thanks", 2: "facts.example did not answer within 15 seconds."}[status],
            )
            made.append(
                Delivery(
                    number,
                    webhook_id,
                    f"evt_f{number}_{at:.0f}",
                    "facts",
                    number,
                    kinds[number % 5],
                    at,
                    status,
                    1 + 3 * (status == 0),
                    at,
                    at + 9000,
                    at + 1,
                    {0: 500, 1: 200, 2: None}[status],
                    answer,
                    0.08,
                )
            )
        return [one for one in made if state in ("", one.state_name)][:limit]


class FakeSegments:
    """Saved segments in memory; the words are read by the real grammar, the people are made up."""

    def __init__(self, saved: dict[str, str]) -> None:
        self.saved: dict[int, Segment] = {}
        self.asked: list[str] = []
        for name, words in saved.items():
            self._keep(len(self.saved) + 1, name, words)

    def _keep(self, number: int, name: str, words: str) -> Segment:
        if any(other.name == name and other.id != number for other in self.saved.values()):
            raise SegmentInUse(f"There is a segment {name} already.")
        self.saved[number] = Segment(number, name, words_from(words), tree_from(words), NOW - number * 90_000)
        return self.saved[number]

    def forms(self, expression: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        return words_from(expression), tree_from(expression)

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> list[Segment]:
        return [segment for segment in self.saved.values() if segment.id > after][:limit]

    async def get(self, workspace_id: int, segment_id: int) -> Segment:
        if segment_id not in self.saved:
            raise SegmentUnknown(f"There is no segment {segment_id}.")
        return self.saved[segment_id]

    async def create(self, workspace_id: int, name: str, expression: str) -> Segment:
        return self._keep(max(self.saved, default=0) + 1, name, expression)

    async def change(
        self, workspace_id: int, segment_id: int, *, name: str | None = None, expression: str | None = None
    ) -> Segment:
        before = await self.get(workspace_id, segment_id)
        return self._keep(
            segment_id, before.name if name is None else name, before.words if expression is None else expression
        )

    async def remove(self, workspace_id: int, segment_id: int) -> None:
        if (await self.get(workspace_id, segment_id)).name == "Buyers":
            raise SegmentInUse("The segment Buyers from Berlin needs it.", remedy="Change Buyers from Berlin first.")
        del self.saved[segment_id]

    async def preview(self, workspace_id: int, expression: str, *, limit: int = 5) -> Preview:
        self.asked.append(expression)
        people = self._people() if tree_from(expression).get("value") != "nobody" else []
        return Preview(len(people) * 41, tuple(people[:limit]))

    async def members(
        self, workspace_id: int, segment_id: int, *, search: str = "", after: int = 0, limit: int = 50
    ) -> list[Contact]:
        await self.get(workspace_id, segment_id)
        return [
            one for one in self._people() if one.id > after and search.lower() in f"{one.name} {one.email}".lower()
        ][:limit]

    def _people(self) -> list[Contact]:
        made = []
        for number in range(1, 121):
            name = NAMES[number % len(NAMES)] if number % 5 else ""
            address = f"{(name or 'post').split()[0].lower()}{number}@{SITES[number % len(SITES)]}"
            made.append(
                Contact(
                    number,
                    1,
                    address,
                    address,
                    address.split("@")[1],
                    name,
                    {},
                    None,
                    NOW - number * 1e5,
                    NOW,
                    NOW,
                    NOW - number * 5e3,
                    None,
                    None,
                )
            )
        return made


class FakeImports:
    """Imports in memory; files are read by the real reader and never taken in."""

    def __init__(self, empty: bool) -> None:
        self.folder = TemporaryDirectory()
        self.jobs: dict[int, ImportJob] = {}
        self.told: list[tuple[Any, ...]] = []
        if not empty:
            self._keep("subscribers-2025.csv.gz", "done", basis="double opt-in at the till", list_id=1, finished_at=NOW - 9e5, rows=21_904,
                       taken=21_811, refused=93, created=20_106, updated=1_204, joined=20_880, rejected_file="x")  # fmt: skip
            self._keep("fair.csv", "running", basis="left a card at the fair", rows=4000, taken=3990, refused=10, created=3990, joined=3990, rejected_file="x")  # fmt: skip
            path = Path(self.folder.name) / "customers.csv"
            rows = "".join(
                f"{name.split()[0].lower()}@{SITES[n % 5]};{name};{n * 3};{('Köln', 'Gent')[n % 2]}\n"
                for n, name in enumerate(NAMES)
            )
            path.write_text(f"E-Mail;Full name;Bestellungen;Stadt\n{rows}nobody at home;X;1;Ulm\n")
            self._keep("customers.csv", "uploaded", file=str(path))

    def _keep(self, name: str, state: str, **values: Any) -> ImportJob:
        number = len(self.jobs) + 1
        usual = {
            "list_id": None, "basis": "", "started_at": NOW - 1e6 + number * 4e5, "finished_at": None, "taken": 0, "refused": 0, "options": {},
            "file": "", "rejected_file": "", "size": 100, "position": 46, "rows": 0, "created": 0, "updated": 0, "joined": 0, "error": "", "by": EMAIL,
        }  # fmt: skip
        self.jobs[number] = ImportJob(id=number, workspace_id=1, file_name=name, state=state, **{**usual, **values})
        return self.jobs[number]

    async def page(self, workspace_id: int, *, before: int | None = None, limit: int = 50) -> list[ImportJob]:
        return [job for job in reversed(self.jobs.values()) if before is None or job.id < before][:limit]

    async def get(self, workspace_id: int, import_id: int) -> ImportJob:
        if import_id not in self.jobs:
            raise NotFound(f"There is no import {import_id}.")
        return self.jobs[import_id]

    async def rejected(self, workspace_id: int, import_id: int) -> bytes:
        return b"line,reason,email\n3,The address has no @.,nobody\n"

    async def undo(self, workspace_id: int, import_id: int, *, wait: bool = True) -> None:
        self.jobs[import_id] = replace(self.jobs[import_id], state="undoing")

    async def keep(self, workspace_id: int, source: BinaryIO, *, file_name: str, by: str) -> ImportJob:
        path = Path(self.folder.name) / f"{len(self.jobs)}.csv"
        path.write_bytes(source.read())
        headings_of(path)
        return self._keep(file_name, "uploaded", file=str(path), by=by)

    async def headings(self, workspace_id: int, import_id: int) -> list[Heading]:
        return headings_of(Path((await self.get(1, import_id)).file))

    async def look(self, workspace_id: int, import_id: int, columns: Mapping[str, str]) -> FilePreview:
        return preview(Path((await self.get(1, import_id)).file), columns, {}, 1000)

    async def begin(self, workspace_id: int, import_id: int, options: ImportOptions) -> None:
        with_basis(options)
        self.told.append(("begin", import_id, options))
        self.jobs[import_id] = replace(
            self.jobs[import_id], state="running", started_at=NOW, basis=options.basis, position=10
        )

    async def drop(self, workspace_id: int, import_id: int) -> None:
        del self.jobs[import_id]


class FakeMeasured:
    """Counts of this process alone."""

    def __init__(self, queue: FakeQueue) -> None:
        self.book, self.queue = Book(), queue

    def asked(self, kind: str) -> None:
        self.book.asked[kind] = self.book.asked.get(kind, 0) + 1

    def total(self) -> tuple[Book, list[WorkerUse]]:
        return self.book, [WorkerUse(0, 1.5, 2**20)]

    async def depths(self) -> Depths:
        return Depths(await self.queue.totals())


@dataclass
class Stage:
    """The application with its fakes at hand."""

    app: ASGIApp
    users: FakeUsers
    campaigns: FakeCampaigns
    reports: FakeReports
    queue: FakeQueue
    actions: FakeActions
    people: FakePeople
    segments: FakeSegments
    lists: FakeLists
    webhooks: FakeWebhooks
    writing: "FakeWriting"
    imports: FakeImports
    joining: "FakeJoining"


def stage(
    *, role: str = "owner", empty: bool = False, marketing: bool = True, workspaces: int = 1, upload_limit: int = 2**29
) -> Stage:
    """Build it. `empty`: nothing was done yet; `marketing` False: that room is absent."""
    assert role in RIGHTS or role == ""
    users, campaigns = FakeUsers(role, workspaces=workspaces), FakeCampaigns([] if empty else list(LINES))
    lists = FakeLists(() if empty else ("Newsletter", "Workshops", "Letters to the trade"))
    people, segments = FakePeople(), FakeSegments({} if empty else SEGMENTS)
    reports, queue, actions = FakeReports(campaigns), FakeQueue(0 if empty else 12), FakeActions()
    webhooks, writing = FakeWebhooks(empty), FakeWriting()
    imports, shelf, joining = FakeImports(empty), FakeShelf(), FakeJoining()
    services = Services(
        users=users, people=people, codes=users.codes, campaigns=campaigns if marketing else None, reports=reports if marketing else None,
        contacts=(EmptyContacts() if empty else FakeContacts()) if marketing else None, queue=queue, journeys=FakeJourneys(queue), segments=segments if marketing else None, lists=lists if marketing else None, persons=lists if marketing else None, first_run=FakeFirstRun() if marketing else None, tokens=FakeTokens(), now=lambda: NOW, sites=FakeSites(), warming=FakeWarming(), preferring=PreferencePages(FakePreferring(), Wanted), joining=joining if marketing else None, host=FakeHost(),  # type: ignore[arg-type]
        uploads=imports if marketing else None, imports=imports if marketing else None, import_options=ImportOptions if marketing else None, shelf=shelf if marketing else None, media=shelf if marketing else None, templates=FakeTemplates(empty) if marketing else None, attributes=FakeShelf() if marketing else None,  # type: ignore[arg-type]
        mail_server=FakeMailServer(not empty), dns=fake_dns, actions=actions if marketing else None, measured=FakeMeasured(queue), webhooks=webhooks, audit=FakeAudit(empty),
        writing=writing if marketing else None, trials=writing if marketing else None, brands=writing if marketing else None,  # type: ignore[arg-type]
    )  # fmt: skip
    app = build(services, public_url="http://mail.brand.example", upload_limit=upload_limit)
    return Stage(
        app, users, campaigns, reports, queue, actions, people, segments, lists, webhooks, writing, imports, joining
    )


class FakeWriting:
    """One draft in memory, checked by made-up findings; what was done with it is noted."""

    def __init__(self) -> None:
        self.drafts: dict[int, SimpleNamespace] = {}
        self.refuse = ""
        self.told: list[tuple[Any, ...]] = []
        body = '<h1 style="font-family:Georgia">Winter</h1><p>Hello {{ first_name | default("there") }}, the new papers are here.</p>'
        self._keep(
            3,
            {
                "name": "Winter letter",
                "subject": "New papers",
                "brand": "Brand",
                "list_name": "Newsletter",
                "format": "html",
                "html": body,
            },
        )
        self._keep(
            2, {"name": "Designed", "subject": "Designed", "brand": "Brand", "format": "mjml", "html": layout("news")}
        )

    def _keep(self, number: int, values: Mapping[str, Any]) -> SimpleNamespace:
        empty = {
            "name": "",
            "subject": "",
            "preheader": "",
            "brand": "",
            "list_name": "",
            "segment": "",
            "format": "html",
            "html": "",
            "text": "",
        }
        if self.refuse:
            raise Conflict(self.refuse)
        if values.get("subject") == "bad":
            raise Conflict("The subject is bad.", remedy="Write another one.")
        campaign = SimpleNamespace(id=number, state="draft", scheduled_at=None)
        self.drafts[number] = SimpleNamespace(campaign=campaign, draft=SimpleNamespace(**{**empty, **values}))
        return self.drafts[number]

    async def create(self, workspace_id: int, values: Mapping[str, Any]) -> SimpleNamespace:
        return self._keep(max(self.drafts) + 1, values)

    async def get(self, workspace_id: int, campaign_id: int) -> SimpleNamespace:
        if campaign_id not in self.drafts:
            raise NotFound("There is no such campaign.")
        return self.drafts[campaign_id]

    async def change(self, workspace_id: int, campaign_id: int, values: Mapping[str, Any]) -> SimpleNamespace:
        return self._keep(campaign_id, {**vars((await self.get(1, campaign_id)).draft), **values})

    async def check(self, workspace_id: int, campaign_id: int) -> list[SimpleNamespace]:
        words = "The HTML does not say where you are.", "Put {{ postal_address }} into it."
        return [
            SimpleNamespace(code="postal-address", severity="error", words=words[0], remedy=words[1]),
            SimpleNamespace(
                code="size", severity="warning", words="The HTML has 120 KB; Gmail cuts it after 102 KB.", remedy=""
            ),
        ]

    async def schedule(self, workspace_id: int, campaign_id: int, at: float | None, *, by: str) -> SimpleNamespace:
        self.told.append(("schedule", campaign_id, at, by))
        found = self.drafts[campaign_id]
        found.campaign.state, found.campaign.scheduled_at = ("scheduled" if at else "sending"), at
        return found

    async def act(self, workspace_id: int, campaign_id: int, action: str, *, by: str) -> SimpleNamespace:
        self.told.append((action, campaign_id, by))
        self.drafts[campaign_id].campaign.state = "draft"
        return self.drafts[campaign_id]

    async def warmed(self, workspace_id: int, campaign_id: int, people: dict[int, int], delivered: int) -> str:
        return f"<!doctype html><html lang=en><title>x</title><body>{sum(people.values())} of {delivered}"

    async def preview(self, workspace_id: int, campaign_id: int, contact_id: int | None = None) -> SimpleNamespace:
        draft = (await self.get(workspace_id, campaign_id)).draft
        html = f"<!doctype html><html lang=en><title>x</title><body>{draft.html}"
        return SimpleNamespace(
            subject=draft.subject, sender="Brand <news@brand.example>", html=html, text="Winter", bytes=4321, person=""
        )

    async def send(
        self, workspace_id: int, campaign_id: int, to: Sequence[str], contact_id: int | None = None
    ) -> Sequence[str]:
        if any("@" not in one for one in to):
            raise Invalid("This is no address.")
        self.told.append(("test", campaign_id, tuple(to), contact_id))
        return to

    async def all(self, workspace_id: int) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(
                id=1, name="Brand", from_name="The Brand", from_address="news@brand.example", reply_to="", postal_address="1 Street",
                settings={"primary": "#23508a"},
            )
        ]  # fmt: skip


LOGO = Path(__file__).parents[2] / "src/lettershop/servers/web/static/logo.svg"


class FakeShelf:
    """Pictures in memory; also what is known of people."""

    def __init__(self) -> None:
        self.kept = [
            SimpleNamespace(id=2, name="logo.png", width=34, height=34, hash="logo", size=5120),
            SimpleNamespace(id=1, name="price-list-of-the-spring.pdf", width=0, height=0, hash="list", size=204_800),
        ]

    async def page(self, workspace_id: int, *, before: int | None = None, limit: int = 50) -> list[SimpleNamespace]:
        return self.kept[:limit]

    async def upload(self, workspace_id: int, name: str, data: bytes) -> SimpleNamespace:
        if not data.startswith(b"\x89PNG"):
            raise Invalid("This is no picture.", remedy="Take a PNG or a JPEG.")
        self.kept.insert(0, SimpleNamespace(id=3, name=name, width=1, height=1, hash="new", size=len(data)))
        return self.kept[0]

    async def remove(self, workspace_id: int, medium_id: int) -> None:
        self.kept = [one for one in self.kept if one.id != medium_id]

    async def served(self, digest: str) -> SimpleNamespace | None:
        return (
            SimpleNamespace(content_type="image/svg+xml", data=LOGO.read_bytes(), shown=True, name="logo.svg")
            if digest == "logo"
            else None
        )

    def url(self, one: SimpleNamespace) -> str:
        return f"http://mail.brand.example/m/{one.hash}/{one.name}"

    async def of_workspace(self, workspace_id: int) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name, kind=kind) for name, kind in (("city", "text"), ("orders", "number"))]


class FakeTemplates:
    """Two templates in memory; the second one wants a value that nobody gave."""

    def __init__(self, empty: bool) -> None:
        bodies = ("<p>Thank you for your order.</p>", "<p>Your code is {{ code }}.</p>")
        names = () if empty else ("Order", "Password")
        self.kept = [
            Template(number, 1, name, f"{name} for you", body, "", NOW - 90_000, NOW - 3600)
            for number, (name, body) in enumerate(zip(names, bodies, strict=False), 1)
        ]

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> list[Template]:
        return [one for one in self.kept if one.id > after][:limit]

    async def get(self, workspace_id: int, template_id: int) -> Template:
        return next(one for one in self.kept if one.id == template_id)

    async def preview(self, workspace_id: int, name: str, values: dict[str, object]) -> Wording:
        kept = next(one for one in self.kept if one.name == name)
        return Wording(fill(kept.subject, values, html=False), fill(kept.html, values, html=True), kept.text)

    async def create(self, workspace_id: int, name: str, content: dict[str, str]) -> Template:
        check(Wording.of(content), {})
        self.kept.append(Template(len(self.kept) + 1, 1, name, created_at=NOW, updated_at=NOW, **content))
        return self.kept[-1]

    async def change(self, workspace_id: int, template_id: int, content: dict[str, str]) -> Template:
        check(Wording.of(content), {})
        before = await self.get(workspace_id, template_id)
        self.kept[self.kept.index(before)] = replace(before, **content)
        return await self.get(workspace_id, template_id)

    async def remove(self, workspace_id: int, template_id: int) -> None:
        self.kept = [one for one in self.kept if one.id != template_id]


class FakeAudit:
    """Acts in memory."""

    def __init__(self, empty: bool) -> None:
        self.rows: list[Noted] = []
        if not empty:
            for ago, door, actor, action, target in (
                (90_000, "shell", "root", "domain add", ""),
                (4000, "api", "token shop", "POST /campaigns/{campaign_id}/schedule", "/api/v1/campaigns/7/schedule"),
                (300, "screen", "ann@brand.example", "POST /lists/make", "/lists/make"),
            ):
                self.rows.append(
                    Noted(len(self.rows) + 1, Act(NOW - ago, 1, door, actor, action, target, "203.0.113.7"))
                )

    async def note(
        self, workspace_id: int | None, door: str, actor: str, action: str, target: str = "", ip: str = ""
    ) -> None:
        self.rows.append(Noted(len(self.rows) + 1, Act(NOW, workspace_id, door, actor, action, target, ip)))

    async def page(
        self, workspace_id: int, *, operator: bool = False, before: int | None = None, limit: int = 50, actor: str = "",
        action: str = "",
    ) -> list[Noted]:  # fmt: skip
        found = [one for one in reversed(self.rows) if actor in one.act.actor and action in one.act.action]
        return [one for one in found if before is None or one.id < before][:limit]


class EmptyContacts(FakeContacts):
    async def count(self, workspace_id: int) -> int:
        return 0

    async def page(self, workspace_id: int, *, query: str = "", after: int = 0, limit: int = 50) -> list[ContactLine]:
        return []


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    port = int(arguments[0]) if arguments else 8099
    config = uvicorn.Config(stage(empty="--empty" in sys.argv).app, host="127.0.0.1", port=port, log_level="warning")
    asyncio.run(uvicorn.Server(config).serve())
