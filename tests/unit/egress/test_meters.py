"""Counts of all workers: added up whoever is asked, kept over a worker's end, bounded in their labels."""

import multiprocessing

import pytest

from lettershop.base.facts import Bounced, Deferred, Delivered, Withheld
from lettershop.egress.meters import BOUNDS, CAMPAIGNS, OTHER, SITES, Book, Latencies, Meters


def delivered(latency=0.2, campaign=None):
    return Delivered(at=1.0, campaign_id=campaign, site="d", mx="m", code=250, text="", latency=latency)


def deferred(campaign=None):
    return Deferred(at=1.0, campaign_id=campaign, site="d", mx="m", code=421, text="", reason="busy")


def bounced(campaign=None):
    return Bounced(
        at=1.0, campaign_id=campaign, site="d", mx="m", code=550, text="", reason="x", hard=True, address="a@d.example"
    )


def test_attempts_count_by_site_source_and_campaign():
    book = Book()
    book.count(delivered(campaign=7), ("gmail", "192.0.2.1"))
    book.count(deferred(campaign=7), ("gmail", "192.0.2.1"))
    book.count(bounced(), ("yahoo", ""))
    book.count(deferred())
    book.count(Withheld(at=1.0, reason="x"), ("gmail", ""))
    book.count(None, ("gmail", ""))
    assert book.sites == {"gmail": [1, 1, 0], "yahoo": [0, 0, 1], "unreached": [0, 1, 0]}
    assert book.sources == {"192.0.2.1": [1, 1, 0], "system": [0, 1, 1]}
    assert book.campaigns == {"7": [1, 1, 0]}


def test_labels_are_bounded_and_nothing_is_lost():
    book = Book()
    for number in range(SITES * 3):
        book.count(delivered(campaign=number), (f"site{number}", f"192.0.2.{number}"))
    assert len(book.sites) <= SITES + 1
    assert len(book.sources) <= 101
    assert sum(counts[0] for counts in book.sites.values()) == SITES * 3
    assert book.sites[OTHER][0] == SITES * 2
    assert sorted(map(int, book.campaigns)) == list(range(SITES * 3 - CAMPAIGNS, SITES * 3))


def test_quantiles_lie_where_the_values_do():
    book = Book()
    for number in range(1000):
        book.count(delivered(latency=number / 1000, campaign=1))
    found = book.latencies["campaign"]
    assert sum(found.buckets) == 1000
    for share in (0.5, 0.95, 0.99):
        assert found.quantile(share) == pytest.approx(share, abs=0.03)
    assert Latencies().quantile(0.5) == 0.0
    book.count(delivered(latency=1e9))
    assert book.latencies["single"].quantile(0.99) == BOUNDS[-1]


def test_whoever_is_asked_tells_of_all():
    meters = Meters(3)

    def work(number):
        meters.take_seat(number)
        for _ in range(number + 1):
            meters.book.count(delivered(campaign=1), ("gmail", ""))
        meters.book.asked["o"] = 10
        meters.publish(1.0 + number, 1000 * number)

    fork = multiprocessing.get_context("fork")
    for number in (1, 2):
        process = fork.Process(target=work, args=(number,))
        process.start()
        process.join(30)
        assert process.exitcode == 0
    work(0)
    book, uses = meters.total()
    assert book.sites["gmail"] == [1 + 2 + 3, 0, 0]
    assert book.asked == {"o": 30}
    assert [(use.number, use.seconds, use.memory) for use in uses] == [(0, 1.0, 0), (1, 2.0, 1000), (2, 3.0, 2000)]
    meters.book.count(delivered(campaign=1), ("gmail", ""))
    assert meters.total()[0].sites["gmail"] == [7, 0, 0], "its own are always fresh"


def test_who_takes_the_place_of_another_goes_on_with_its_figures():
    meters = Meters(2)
    meters.take_seat(1)
    meters.book.count(delivered(), ("gmail", ""))
    meters.publish(1.0, 1)
    meters.book.count(delivered(), ("gmail", ""))  # lost with the kill
    meters.take_seat(1)
    meters.book.count(delivered(), ("gmail", ""))
    meters.take_seat(0)
    assert meters.total()[0].sites["gmail"] == [1, 0, 0]


def test_a_change_under_way_is_not_read():
    meters = Meters(2)
    meters.take_seat(1)
    meters.book.count(delivered(), ("gmail", ""))
    meters.publish(1.0, 1)
    meters.take_seat(0)
    assert meters.total()[0].sites["gmail"] == [1, 0, 0]
    at = 256 * 1024 + 20
    meters._memory[at : at + 4] = b"????"
    assert meters.total()[0].sites["gmail"] == [1, 0, 0], "the last that was whole"


def test_the_most_labels_fit():
    meters = Meters()
    for number in range(SITES + 10):
        site = f"mx{number:03}-{'x' * 50}.receiver-with-a-long-name.example"
        meters.book.count(delivered(campaign=10**9 + number), (site, f"2001:db8:ffff:ffff:ffff:ffff:ffff:{number:x}"))
    meters.publish(1e9, 10**12)
    other = Meters.__new__(Meters)
    other.__init__(1)
    other._memory[:] = meters._memory[:]
    other.take_seat(0)
    assert other.book == meters.book
