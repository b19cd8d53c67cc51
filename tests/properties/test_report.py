"""Every figure of a report is equal to a recount from the raw facts, whatever happened and however it was cut into batches."""

import asyncio
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from types import MappingProxyType

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from sqlalchemy import insert

from lettershop.base.facts import (
    Bounced,
    BounceReported,
    Clicked,
    Complained,
    Deferred,
    Delivered,
    Opened,
    Replied,
    Unsubscribed,
    Withheld,
)
from lettershop.marketing import analytics
from lettershop.marketing.breakdown import breakdown
from lettershop.marketing.engaged import curve_step
from lettershop.marketing.recompute import recompute
from lettershop.marketing.tally import bucket_latency, latency_bucket
from lettershop.marketing.verdict import PIXEL, Hit, Receiver, device, judge
from lettershop.store import factlog
from lettershop.store.database import append_facts
from lettershop.store.schema_analytics import hits as hit_rows
from lettershop.store.schema_delivery import DELIVERED, bounce_samples, domain_sites, envelopes, suppressions
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import (
    brands,
    campaign_links,
    campaigns,
    contacts,
    counters,
    engagements,
    fact_cursors,
    facts,
    link_engagements,
    workspaces,
)

START = 1_700_000_000.0
PEOPLE = 6
SITES = ["inbox.example", "office.example"]
FIREFOX = ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "accept-language: en")
AGENTS = st.sampled_from([FIREFOX, ("Mozilla/5.0", ""), ("curl/8", ""), ("(via ggpht.com GoogleImageProxy)", "")])
REASONS = st.sampled_from(["unknown-user", "mailbox-full"])

DELIVERY = st.one_of(  # how the sending of one envelope ends, after how many temporary answers
    st.tuples(st.just("delivered"), st.integers(0, 2), st.floats(0, 500)),
    st.tuples(st.just("bounced"), st.integers(0, 2), REASONS, st.booleans()),
    st.tuples(st.just("withheld"), st.integers(0, 1)),
    st.tuples(st.just("waiting"), st.integers(1, 3)),
    st.just(("queued",)),
)
DEEDS = st.lists(
    st.tuples(
        st.one_of(
            st.tuples(st.just("open"), AGENTS),
            st.tuples(st.just("click"), AGENTS, st.sampled_from(["GET", "HEAD"]), st.integers(1, 2)),
            st.tuples(st.sampled_from(["leave", "complain", "reply", "mail-leave"])),
            st.tuples(st.just("bounce"), st.booleans()),
        ),
        st.floats(0, 4000),
    ),
    max_size=6,
)
STORY = st.lists(st.tuples(DELIVERY, DEEDS), min_size=1, max_size=PEOPLE)


def told(story):  # noqa: C901 a case for each deed
    """(facts of the main log, facts of the mail log, moment of the 250 by envelope)."""
    main, mail, at = [], [], {}
    for envelope, (delivery, deeds) in enumerate(story, 1):
        head = {"workspace_id": 1, "campaign_id": 1, "contact_id": envelope, "envelope_id": envelope}
        place = {"site": SITES[envelope % 2], "mx": "mx"}
        for attempt in range(delivery[1] if len(delivery) > 1 else 0):
            main.append(Deferred(at=START + attempt, **head, **place, code=451, text="later", reason="greylisted"))
        if delivery[0] == "delivered":
            at[envelope] = START + 10 + delivery[2]
            main.append(Delivered(at=at[envelope], **head, **place, code=250, text="ok", latency=delivery[2]))
        elif delivery[0] == "bounced":
            main.append(
                Bounced(
                    at=START + 10,
                    **head,
                    **place,
                    code=550,
                    text="no",
                    reason=delivery[2],
                    hard=delivery[3],
                    address="a@b",
                )
            )
        elif delivery[0] == "withheld":
            main.append(Withheld(at=START + 10, **head, reason="suppressed"))
        for deed, after in deeds if delivery[0] == "delivered" else ():
            now = {"at": at[envelope] + after, **head}
            match deed:
                case ("open", (agent, headers)):
                    main.append(Opened(**now, user_agent=agent, headers=headers))
                case ("click", (agent, headers), method, link):
                    main.append(Clicked(**now, link=link, user_agent=agent, headers=headers, method=method))
                case ("leave",):
                    main.append(Unsubscribed(**now, how="page"))
                case ("mail-leave",):
                    mail.append(Unsubscribed(**now, how="mailto"))
                case ("complain",):
                    mail.append(Complained(**now, address="a@b"))
                case ("reply",):
                    mail.append(Replied(**now, address="a@b", message_id=1))
                case ("bounce", hard):
                    mail.append(BounceReported(**now, address="a@b", status="5.1.1", hard=hard, reason="unknown-user"))
    return main, mail, at


def observed(fact):
    """The raw request of a fact."""
    link, method = (fact.link, fact.method) if isinstance(fact, Clicked) else (PIXEL, "GET")
    return Hit(fact.at, link, fact.user_agent, fact.headers, method)


def recount(main, mail, at, recipients, gateways=MappingProxyType({})):
    """The figures, from the facts alone, by sets of people."""
    everything = [*main, *mail]

    def who(*kinds, where=lambda fact: True):
        return {fact.envelope_id for fact in everything if isinstance(fact, kinds) and where(fact)}

    verdicts = {}
    for envelope in at:
        hits = [fact for fact in main if isinstance(fact, Opened | Clicked) and fact.envelope_id == envelope]
        judged = judge([observed(fact) for fact in hits], Receiver(at[envelope], gateways.get(SITES[envelope % 2], "")))
        verdicts |= {id(fact): verdict.machine for fact, verdict in zip(hits, judged, strict=True)}

    def person(fact):
        return not verdicts[id(fact)]

    came_back = {
        fact.envelope_id: fact.hard for fact in reversed(mail) if isinstance(fact, BounceReported)
    }  # the first counts
    late, late_soft = ({key for key, hard in came_back.items() if hard is kind} for kind in (True, False))
    sets = {
        "delivered": who(Delivered) - late - late_soft,
        "bounced_hard": who(Bounced, where=lambda fact: fact.hard) | late,
        "bounced_soft": who(Bounced, where=lambda fact: not fact.hard) | late_soft,
        "waiting": who(Deferred) - who(Delivered, Bounced, Withheld),
        "withheld": who(Withheld),
        "opened": who(Opened, where=person),
        "opened_by_machine": who(Opened, where=lambda fact: not person(fact)),
        "clicked": who(Clicked, where=person),
        "clicked_by_machine": who(Clicked, where=lambda fact: not person(fact)),
        "complained": who(Complained),
        "replied": who(Replied),
    }
    pieces = Counter()
    for what, kind in (("opened", Opened), ("clicked", Clicked)):
        first = {}
        for fact in sorted(main, key=lambda fact: fact.at):
            if isinstance(fact, kind) and person(fact):
                first.setdefault(fact.envelope_id, fact)
        for fact in first.values():
            pieces[what, "device", device(fact.user_agent)] += 1
            pieces[what, "hour", str(datetime.fromtimestamp(fact.at, UTC).hour)] += 1
    clicks = [fact for fact in main if isinstance(fact, Clicked)]
    latencies = sorted(fact.latency for fact in main if isinstance(fact, Delivered))
    reasons = Counter((fact.reason, fact.hard) for fact in main if isinstance(fact, Bounced))
    reasons.update({("unknown-user", hard): len(found) for hard, found in ((True, late), (False, late_soft)) if found})
    curve = Counter()
    for what, kind in (("delivered", Delivered), ("opened", Opened), ("clicked", Clicked)):
        seen = set()
        for fact in sorted(main, key=lambda fact: fact.at):
            if isinstance(fact, kind) and (kind is Delivered or person(fact)) and fact.envelope_id not in seen:
                seen.add(fact.envelope_id)
                curve[curve_step(fact.at, START), what] += 1
    return {
        **{name: len(members) for name, members in sets.items()},
        "providers": {
            site: {name: len([e for e in sets[name] if SITES[e % 2] == site]) for name in PROVIDER}
            for site in SITES
            if any(SITES[e % 2] == site for name in PROVIDER for e in sets[name])
        },
        "links": {
            link: (
                len({fact.envelope_id for fact in clicks if fact.link == link and person(fact)}),
                len([fact for fact in clicks if fact.link == link and person(fact)]),
                len([fact for fact in clicks if fact.link == link and not person(fact)]),
            )
            for link in (1, 2)
        },
        "bounces": dict(reasons),
        "pieces": dict(pieces),
        "curve": {key: count for key, count in curve.items() if count},
        "p50": bucket_latency(latency_bucket(latencies[(len(latencies) - 1) // 2])) if latencies else 0.0,
        "queued": recipients - len(who(Delivered, Deferred, Bounced, Withheld)),
    }


PROVIDER = ("delivered", "bounced_hard", "bounced_soft", "waiting", "opened", "clicked", "complained")
TABLES = (
    suppressions, domain_sites, hit_rows, fact_cursors, facts, counters, engagements, link_engagements, bounce_samples, envelopes,
    campaign_links,
    campaigns, contacts, brands, workspaces,
)  # fmt: skip


def stage(tx, story, main, at):
    for table in TABLES:
        tx.conn.execute(table.delete())
    tx.conn.execute(insert(workspaces), {"id": 1, "name": "w", "created_at": 0.0})
    tx.conn.execute(
        insert(brands),
        {"id": 1, "workspace_id": 1, "name": "b", "from_name": "", "from_address": "", "created_at": 0.0},
    )
    values = {
        "state": "sending",
        "subject": "",
        "html": "",
        "tree": {},
        "created_at": 0.0,
        "started_at": START,
        "recipients": len(story),
    }
    tx.conn.execute(insert(campaigns), {"id": 1, "workspace_id": 1, "brand_id": 1, "name": "c", **values})
    tx.conn.execute(
        insert(campaign_links), [{"campaign_id": 1, "number": n, "url": f"https://s.example/{n}"} for n in (1, 2)]
    )
    for key in range(1, len(story) + 1):
        who = {
            "id": key,
            "workspace_id": 1,
            "email": f"p{key}@a",
            "email_key": f"p{key}@a",
            "domain": "a",
            "attributes": {},
        }
        tx.conn.execute(insert(contacts).values(**who, created_at=0.0, updated_at=0.0))
        times = {"due_at": START, "created_at": START, "expires_at": START + 9e9}
        done = {"state": DELIVERED, "finished_at": at[key]} if key in at else {}
        ids = {"id": key, "lane_id": 1, "campaign_id": 1, "contact_id": key, "site": SITES[key % 2]}
        tx.conn.execute(insert(envelopes).values(**ids, **times, **done))
    append_facts(tx.conn, facts, main)


def stage_mail(tx, mail):
    tx.conn.execute(mail_facts.delete())
    append_facts(tx.conn, mail_facts, mail)


async def consume_all(store, sizes):
    """Both logs in turn, in pieces of these sizes, until nothing is left."""
    sizes = [*sizes, 100, 100, 100]
    for size in sizes:
        for log, database in (("facts", store.main), ("mail_facts", store.mail)):
            since = await store.main.read(factlog.position, analytics.CONSUMER, log)
            batch = await database.read(factlog.read_since, log, since, size)
            if batch:
                await store.main.write(analytics.consume, log, since, batch)
                await store.main.write(analytics.consume, log, since, batch)  # the second time changes nothing


def equal(report, wanted, left):
    """Every figure of the report is the one that was wanted."""
    for name in (*PROVIDER, "withheld", "opened_by_machine", "clicked_by_machine", "replied", "queued"):
        assert getattr(report, name) == wanted[name], name
    assert left is None or report.unsubscribed == len(left)
    assert report.sent == report.delivered + report.bounced_hard + report.bounced_soft + report.waiting
    assert report.recipients == report.sent + report.withheld + report.queued
    providers = {entry.provider: {name: getattr(entry, name) for name in PROVIDER} for entry in report.providers}
    assert {k: v for k, v in providers.items() if any(v.values())} == wanted["providers"]
    assert {link.number: (link.people, link.hits, link.machine_hits) for link in report.links} == wanted["links"]
    assert {(entry.reason, entry.hard): entry.count for entry in report.bounces} == wanted["bounces"]
    curve = {
        (int(moment.at), what): count
        for moment in report.curve
        for what, count in asdict(moment).items()
        if what != "at" and count
    }
    assert curve == wanted["curve"]
    assert report.latency_ms.p50 == wanted["p50"]


def in_pieces(found, wanted, provider):
    """Devices, hours and providers of the breakdown are those that were wanted; `provider` receives for office.example."""
    told = {
        (what, dimension, share.value): getattr(share, what)
        for dimension, shares in (("device", found.devices), ("hour", found.hours))
        for share in shares
        for what in ("opened", "clicked")
        if getattr(share, what)
    }
    assert told == wanted["pieces"]
    sums = Counter()
    for site, counts in wanted["providers"].items():
        for name, count in counts.items():
            sums[provider if site == "office.example" else "unknown", name] += count
    assert {
        (one.provider, name): getattr(one, name) for one in found.providers for name in PROVIDER if getattr(one, name)
    } == {key: count for key, count in sums.items() if count}
    sent = sum(wanted[name] for name in PROVIDER[:4])
    assert found.rates.delivered == (wanted["delivered"] / sent if sent else 0.0)
    assert found.rates.clicked == (wanted["clicked"] / wanted["delivered"] if wanted["delivered"] else 0.0)


def behind_a_gateway(tx):
    """It becomes known that the mail of one domain goes through a scanning gateway."""
    home = {"domain": "office.example", "site": "mx.pphosted.com", "provider": "proofpoint"}
    tx.conn.execute(insert(domain_sites), home)


async def test_a_report_is_equal_to_a_recount(store):
    loop = asyncio.get_running_loop()

    async def check(story, sizes):
        main, mail, at = told(story)
        await store.main.write(stage, story, main, at)
        await store.mail.write(stage_mail, mail)
        await consume_all(store, sizes)
        wanted = recount(main, mail, at, len(story))
        equal(
            await store.main.read(analytics.report, 1),
            wanted,
            {f.envelope_id for f in [*main, *mail] if isinstance(f, Unsubscribed)},
        )
        in_pieces(await store.main.read(breakdown, 1, 1), wanted, "unknown")
        await store.main.write(behind_a_gateway)
        assert (await recompute(store.main)).hits == len([f for f in main if isinstance(f, Opened | Clicked)])
        wanted = recount(main, mail, at, len(story), {"office.example": "proofpoint mx.pphosted.com"})
        equal(await store.main.read(analytics.report, 1), wanted, None)
        in_pieces(await store.main.read(breakdown, 1, 1), wanted, "proofpoint")
        assert (await recompute(store.main)).changed == 0

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(STORY, st.lists(st.integers(1, 7), max_size=6))
    def prove(story, sizes):
        asyncio.run_coroutine_threadsafe(check(story, sizes), loop).result()

    await asyncio.to_thread(prove)
