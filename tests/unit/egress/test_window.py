"""The bounded window, the grouped outcomes and the shared questions to sources."""

import asyncio

import pytest

from lettershop.base.errors import Temporary
from lettershop.base.log import get_logger
from lettershop.egress.lease import Window
from lettershop.egress.message import Recipe
from lettershop.egress.outcomes import Outcomes
from lettershop.egress.prepare import Preparer
from lettershop.store import envelopes
from lettershop.store.envelopes import Leased, Outcome
from lettershop.store.schema_delivery import DELIVERED

NOW = 1000.0


async def queue(store, campaign, count, priority=5):
    await store.main.write(
        envelopes.enqueue_recipes, workspace_id=1, campaign_id=campaign, now=NOW, due_at=NOW, expires_at=NOW + 99,
        rows=[(index, "a.example") for index in range(count)], priority=priority,
    )  # fmt: skip


async def test_a_window_holds_no_more_than_its_size_and_refills_at_half(store):
    await queue(store, 7, 100)
    window = Window(store.main, "one", size=20, lease_for=60)
    [(_, first)] = await window.take(NOW)
    assert (len(first), len(window)) == (20, 20)
    assert await window.take(NOW) == []
    window.let_go(one.envelope_id for one in first[:9])
    assert not window.hungry
    window.let_go([first[9].envelope_id])
    assert window.hungry
    [(_, second)] = await window.take(NOW)
    assert len(second) == 10


async def test_a_full_window_has_room_for_what_is_urgent(store):
    await queue(store, 7, 100)
    window = Window(store.main, "one", size=20, lease_for=60)
    await window.take(NOW)
    await queue(store, 8, 3, priority=1)
    assert [(lane.priority, len(leased)) for lane, leased in await window.take(NOW)] == [(1, 3)]
    assert not window.hungry


async def test_an_empty_queue_makes_nobody_hungry(store):
    window = Window(store.main, "one", size=20, lease_for=60)
    assert await window.take(NOW) == []
    assert not window.hungry


async def test_a_restarted_process_recovers_what_it_held(store):
    await queue(store, 7, 10)
    await Window(store.main, "one", size=20, lease_for=60).take(NOW)
    window = Window(store.main, "one", size=20, lease_for=60)
    assert await window.take(NOW) == []
    assert await window.recover(NOW) == 10
    [(_, leased)] = await window.take(NOW)
    assert len(leased) == 10


class Database:
    """Takes writes, fails the first `failures`, and remembers the groups."""

    def __init__(self, failures=0):
        self.failures, self.groups = failures, []

    async def write(self, work, group):
        await asyncio.sleep(0.01)
        if self.failures:
            self.failures -= 1
            raise Temporary("busy")
        self.groups.append([outcome.envelope_id for outcome in group])


def outcomes(db, done, monkeypatch):
    monkeypatch.setattr("lettershop.egress.outcomes.PATIENCE", 0.01)
    monkeypatch.setattr("lettershop.egress.outcomes.GATHER", 0.01)
    return Outcomes(db, done, get_logger("test"))


async def test_outcomes_are_committed_in_groups_in_order(monkeypatch):
    db, done = Database(), []
    some = outcomes(db, lambda group: done.extend(group), monkeypatch)
    for index in range(450):
        some.add(Outcome(index, DELIVERED, NOW))
        if index % 100 == 99:
            await asyncio.sleep(0.005)
    await some.flush()
    assert [one for group in db.groups for one in group] == list(range(450))
    assert 2 <= len(db.groups) <= 5
    assert len(done) == 450


async def test_a_busy_database_delays_outcomes_but_loses_none(monkeypatch):
    db = Database(failures=2)
    some = outcomes(db, lambda group: None, monkeypatch)
    some.add(Outcome(1, DELIVERED, NOW))
    await some.flush()
    assert db.groups == [[1]]


async def test_an_outcome_that_cannot_be_stored_takes_no_other_down(monkeypatch):
    class Picky(Database):
        async def write(self, work, group):
            if any(outcome.envelope_id == 5 for outcome in group):
                raise ValueError("not storable")
            await super().write(work, group)

    db, done = Picky(), []
    some = outcomes(db, lambda group: done.extend(group), monkeypatch)
    for index in range(10):
        some.add(Outcome(index, DELIVERED, NOW))
    await some.flush()
    assert sorted(one for group in db.groups for one in group) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert len(done) == 10


async def test_a_full_disk_loses_no_outcome(monkeypatch):
    class Full(Database):
        async def write(self, work, group):
            await asyncio.sleep(0)
            if self.failures:
                self.failures -= 1
                raise OSError("disk full")
            self.groups.append([outcome.envelope_id for outcome in group])

    db = Full(failures=7)
    some = outcomes(db, lambda group: None, monkeypatch)
    for index in range(3):
        some.add(Outcome(index, DELIVERED, NOW))
    await some.flush()
    assert sorted(one for group in db.groups for one in group) == [0, 1, 2]


class Source:
    def __init__(self, error=None):
        self.asked, self.error = [], error

    async def prepare(self, leased):
        self.asked.append(len(leased))
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error
        return [Recipe(one.envelope_id, "", "a@b.example", lambda: b"") for one in leased]


def leased(envelope_id, campaign=7):
    return Leased(envelope_id, 1, campaign, 1, None, None, "a.example", 0, 0.0, 0.0, 9e9)


async def test_connections_ask_together():
    campaigns, stored = Source(), Source()
    preparer = Preparer(campaigns, stored)
    parts = [[leased(index * 10 + step, 7 if step else None) for step in range(3)] for index in range(5)]
    asked = [asyncio.create_task(preparer.ask(part, patience=5.0)) for part in parts[:4]]
    await asyncio.sleep(0)
    answers = [await preparer.ask(parts[4], patience=0.0)] + [await task for task in asked]
    assert (campaigns.asked, stored.asked) == ([10], [5])
    for part, answer in zip([parts[4], *parts[:4]], answers, strict=True):
        assert [(one.envelope_id, recipe.envelope_id) for one, recipe in answer] == [
            (one.envelope_id,) * 2 for one in part
        ]


async def test_a_failing_source_fails_those_who_asked():
    preparer = Preparer(Source(Temporary("busy")), Source())
    with pytest.raises(Temporary):
        await preparer.ask([leased(1)], patience=0.0)
    assert await preparer.ask([], patience=0.0) == []


async def test_without_marketing_campaigns_wait():
    [(_, answer)] = await Preparer(None, Source()).ask([leased(1)], patience=0.0)
    assert answer.again
