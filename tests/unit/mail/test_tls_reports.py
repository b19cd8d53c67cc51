"""The daily round of TLS reports."""

import email
import gzip
import json

import pytest

from lettershop.base.errors import Temporary
from lettershop.mail.tls_reports import GIVE_UP, KEPT, LOOK, SPREAD, TlsReports, due_at, policies_of
from lettershop.net.resolver import DnsTimeout
from lettershop.net.zones import ZoneResolver
from lettershop.store.tls_results import DAY, Counted, Result, add, results, unreported

ZONE = {
    ("_smtp._tls.b.example", "TXT"): ["v=TLSRPTv1; rua=mailto:tls@b.example,mailto:also@c.example"],
    ("_smtp._tls.odd.example", "TXT"): ["v=TLSRPTv1; rua=mailto:not an address@b.example"],
}


@pytest.fixture
def world(store, clock):
    return World(store, clock)


class World:
    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        self.sent: list[tuple[str, bytes]] = []
        self.resolver = ZoneResolver.of(ZONE)
        self.fails: Exception | None = None
        self.day = int(clock.now() // DAY)

    async def deliver(self, recipient, message):
        if self.fails:
            raise self.fails
        self.sent.append((recipient, message))

    def reports(self, **options):
        return TlsReports(
            self.store.main, self.resolver, self.clock, self.deliver, hostname="out.brand.example",
            contact="tls@brand.example", **options,
        )  # fmt: skip

    async def count(self, domain, failure="", sessions=1, day=None):
        result = Result(self.day if day is None else day, domain, "no-policy-found", failure=failure)
        await self.store.main.write(add, [Counted(result, sessions)])

    async def waiting(self):
        return await self.store.main.read(unreported, self.day + 100)

    def pass_days(self, days):
        self.clock.advance(days * DAY)

    async def next_day(self, **options):
        """All that is due when the hours after midnight are over."""
        self.clock.advance((self.day + 1) * DAY + SPREAD - self.clock.now())
        await self.reports(**options).step()


async def test_who_wants_a_report_gets_it_when_the_day_is_over(world):
    await world.count("b.example", sessions=5)
    await world.count("b.example", "starttls-not-supported", 2)
    await world.count("silent.example")
    await world.count("odd.example")
    reports = world.reports()
    assert await reports.step() is False
    assert world.sent == []
    world.clock.advance(due_at(world.day, "b.example") - world.clock.now() + LOOK)
    await reports.step()
    assert [recipient for recipient, _ in world.sent] == ["tls@b.example", "also@c.example"]
    message = email.message_from_bytes(world.sent[0][1])
    told = json.loads(gzip.decompress(message.get_payload()[1].get_payload(decode=True)))
    assert message["From"] == "TLS reports <tls@brand.example>"
    assert told["policies"][0]["summary"] == {"total-successful-session-count": 5, "total-failure-session-count": 2}
    await world.next_day()
    assert len(world.sent) == 2
    assert await world.waiting() == []


async def test_a_report_whose_delivery_failed_comes_again_with_the_same_id(world):
    await world.count("b.example")
    world.fails = Temporary("the database is away")
    with pytest.raises(Temporary):
        await world.next_day()
    world.fails = None
    await world.next_day()
    await world.count("b.example", day=world.day + 1)
    assert len(world.sent) == 2
    identifiers = {email.message_from_bytes(message)["Message-ID"] for _, message in world.sent}
    assert len(identifiers) == 1


async def test_while_the_dns_is_silent_it_waits_for_some_days(world):
    class Silent(ZoneResolver):
        async def query(self, name, rdtype):
            raise DnsTimeout("silent")

    world.resolver = Silent({})
    await world.count("b.example")
    await world.next_day()
    assert await world.waiting() == [(world.day, "b.example")]
    world.pass_days(GIVE_UP)
    await world.reports().step()
    assert await world.waiting() == []
    assert world.sent == []


async def test_who_does_not_want_to_send_reports_still_tidies_up(world):
    await world.count("b.example")
    await world.next_day(send=False)
    assert (world.sent, await world.waiting()) == ([], [])
    world.pass_days(KEPT + 1)
    await world.reports(send=False).step()
    assert await world.store.main.read(lambda conn: results(conn, since=0)) == []


def test_reports_are_spread_over_some_hours():
    dues = {due_at(100, f"d{number}.example") - 101 * DAY for number in range(200)}
    assert min(dues) >= 0 and max(dues) < SPREAD and len(dues) > 150


def test_results_are_put_together_by_policy():
    one, other = Result(1, "b", "sts", "a\nb"), Result(1, "b", "tlsa", "3 1 1 00", "certificate-not-trusted", "mx")
    found = policies_of([Counted(other, 4), Counted(one, 2)])
    assert [(policy.kind, policy.text, policy.succeeded, policy.failed) for policy in found] == [
        ("sts", ("a", "b"), 2, 0), ("tlsa", ("3 1 1 00",), 0, 4),
    ]  # fmt: skip
