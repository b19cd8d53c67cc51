"""What the check asks of the world: DNS of the sender, links, forecast, complaints."""

import asyncio
from dataclasses import replace

import pytest

from lettershop.base.errors import NotFound
from lettershop.egress.breakers import Rulebook
from lettershop.egress.forecast import Forecast, SiteForecast
from lettershop.insight.dnscheck import Finding as DnsFinding
from lettershop.insight.dnsrecords import Record
from lettershop.marketing import surroundings as module
from lettershop.marketing.compliance import Case, examine
from lettershop.marketing.content import Design
from lettershop.marketing.render import compile_design
from lettershop.marketing.surroundings import Surroundings
from lettershop.net.callout import Answer, CannotReach
from lettershop.net.reach import TargetRefused
from lettershop.store import breakers, campaigns, workspaces
from lettershop.store.schema_main import counters

FOOTER = '<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">x</a></p>'
QUIET = Forecast(0.0, 10, 1.0, 2.0, "nothing", "")


class Web:
    """Stands in for `Callouts`: what each host answers."""

    def __init__(self, **answers):
        self.answers, self.asked, self.at_once, self.most = {"m.example": 200, **answers}, [], 0, 0

    async def open(self, target):
        self.asked.append((target.host, target.path))
        said = self.answers.get(target.host, 200)
        if isinstance(said, Exception):
            raise said
        return Line(self, said)


class Line:
    def __init__(self, web, said):
        self.web, self.said = web, said

    async def get(self):
        self.web.at_once += 1
        self.web.most = max(self.web.most, self.web.at_once)
        await asyncio.sleep(0 if self.said else 3600)
        self.web.at_once -= 1
        return Answer(self.said, "")

    def close(self):
        pass


def case(html="", **more):
    design = Design(
        1, 1, 1, "S", html + FOOTER, "B", "b@b.example", "https://m.example/", postal_address="1 Street", **more
    )
    return Case(design, compile_design(design), "", 1, 0, True, ("rsa",))


@pytest.fixture
async def look(store, clock):
    async def work(case, web=None, records=(), ahead=QUIET):
        async def dns(domain):
            if isinstance(records, Exception):
                raise records
            return records

        async def forecast(campaign_id):
            if isinstance(ahead, Exception):
                raise ahead
            return ahead

        service = Surroundings(store.main, clock, Rulebook(), web or Web(), dns=dns, forecast=forecast)
        found = await service.look(case)
        assert all(one.severity == "warning" for one in found)
        return [(one.code, one.words) for one in found]

    return work


async def test_links_are_asked_once_and_broken_ones_named(look):
    refused = TargetRefused("no")
    web = Web(**{"gone.example": 404, "down.example": 503, "robots.example": 403, "moved.example": 302,
                 "inside.example": refused, "nowhere.example": CannotReach("The name nowhere.example does not exist.")})  # fmt: skip
    urls = [
        "https://gone.example/a?b=c#d", "https://gone.example/a?b=c#d", "http://down.example", "https://robots.example", "https://moved.example",
        "http://inside.example/", "https://nowhere.example", "https://s.example/{{ email }}", "mailto:x@y.example", "https://ex ample/",
    ]  # fmt: skip
    found = await look(case("".join(f'<a href="{url}">x</a>' for url in urls)), web)
    named = {words.split(" ")[2] for code, words in found if code == "link"}
    assert named == {
        "https://gone.example/a?b=c#d",
        "http://down.example",
        "http://inside.example/",
        "https://nowhere.example",
        "https://ex",  # a blank within
    }
    assert ("gone.example", "/a?b=c") in web.asked and len(web.asked) == len(set(web.asked))
    assert not any(host == "s.example" for host, _ in web.asked)


async def test_links_are_bounded_in_number_and_at_once(look):
    web = Web()
    await look(case("".join(f'<a href="https://h{n}.example/">x</a>' for n in range(100))), web)
    assert len(web.asked) == module.MOST_LINKS + 1 and web.most <= module.AT_ONCE + 1


async def test_what_does_not_answer_in_time_is_not_judged(look, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    assert await look(case('<a href="https://slow.example">x</a>'), Web(**{"slow.example": 0})) == []
    assert [code for code, _ in await look(case(), Web(**{"m.example": 0}))] == ["public-address"]


async def test_links_are_asked_also_where_clicks_are_not_tracked(look):
    html = '<a href="https://gone.example/x">x</a><a href="https://gone.example/{{ name }}">x</a>'
    found = await look(case(html, track_clicks=False), Web(**{"gone.example": 404}))
    assert [words for _, words in found] == ["The link https://gone.example/x is answered with 404."]


async def test_whether_our_own_pages_are_reached(look):
    found = await look(case(), Web(**{"m.example": TargetRefused("private")}))
    assert [code for code, _ in found] == ["public-address"]


def records(*verdicts):
    kinds = (
        ("b.example", "v=spf1 mx -all"),
        ("a._domainkey.b.example", "v=DKIM1; p=x"),
        ("_dmarc.b.example", "v=DMARC1; p=none"),
    )
    return [
        DnsFinding(Record(name, "TXT", value, "why"), verdict, (), "remedy")
        for (name, value), verdict in zip(kinds, verdicts, strict=True)
    ] + [DnsFinding(Record("b.example", "MX", "10 x", "why"), "missing", (), "")]


@pytest.mark.parametrize(
    ("verdicts", "codes"),
    [
        (("ok", "ok", "ok"), []),
        (("missing", "missing", "missing"), ["sender-spf", "sender-dkim", "sender-dmarc"]),
        (("different", "different", "different"), ["sender-spf", "sender-dkim"]),
        (("unknown", "ok", "ok"), ["sender-dns"]),
    ],
)
async def test_dns_of_the_sender(look, verdicts, codes):
    assert [code for code, _ in await look(case(), records=records(*verdicts))] == codes


async def test_a_domain_that_is_not_ours_is_told_by_the_rules_alone(look):
    assert await look(replace(case(), domain_known=False), records=records("missing", "missing", "missing")) == []
    assert [code for code, _ in await look(case(), records=NotFound("x"))] == ["sender-dns"]


async def test_room_of_warm_up_and_breakers(look):
    sites = (
        SiteForecast("g.example", 70, 1.0, 2.0, "warm-up", "spread over 3 days."),
        SiteForecast("h.example", 20, 1.0, 2.0, "receiver", ""),
    )
    found = await look(case(), ahead=replace(QUIET, waiting=90, sites=sites))
    assert found == [("warm-up", "70 of 90 people wait: g.example: spread over 3 days.")]
    assert await look(case(), ahead=NotFound("x")) == []


@pytest.mark.parametrize(("complained", "codes"), [(0, []), (1, ["reputation"])])
async def test_complaints_of_late(look, store, clock, complained, codes):
    await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    await store.main.write(workspaces.ensure_brand, 1, name="B", from_name="B", from_address="b@b.example", at=1.0)
    key = await store.main.write(campaigns.create, 1, 1, at=1.0, name="C", subject="S", html="H", tree={})
    now = clock.now()
    await store.main.write(campaigns.move, key, "done", only_from=["draft"], at=now, started_at=now, finished_at=now)
    rows = [
        {"campaign_id": key, "what": what, "count": count}
        for what, count in (("delivered", 1000), ("complained", complained))
    ]
    await store.main.write(lambda tx: tx.conn.execute(counters.insert(), [row for row in rows if row["count"]]))
    assert await store.main.read(breakers.complaints_of, 1, "b.example", now - 5) == (1000, complained)
    assert await store.main.read(breakers.complaints_of, 1, "b.example", now + 5) == (0, 0)
    assert [code for code, _ in await look(case())] == codes


def test_one_click_needs_https_and_the_signature():
    found = {one.code for one in examine(replace(case(), design=replace(case().design, public_url="http://m.example")))}
    assert found == {"one-click"} and examine(case()) == []


def test_words_in_pictures_alone_are_pointed_out():
    picture = '<img src="https://x.example/a.png" alt="">'
    assert [one.code for one in examine(case(picture))] == ["text-part"]
    assert examine(case(picture + "<p>Our new plates are there: look at them in the shop today</p>")) == []
