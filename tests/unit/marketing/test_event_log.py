"""Journals of opens and clicks: nothing is lost, nothing is taken twice, also where the process is gone."""

import asyncio
import os
from errno import ENOSPC

import pytest

from lettershop.base.facts import Clicked, Opened
from lettershop.marketing import event_log
from lettershop.marketing.event_log import EventLog, Folding, line, read_line
from lettershop.store import campaigns, contacts, factlog, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.journal import Journal, JournalFull, JournalUnavailable
from lettershop.store.subscriptions import Consent


@pytest.fixture
async def person(store):
    """A contact of a workspace with one campaign."""
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    brand = await store.main.write(
        workspaces.ensure_brand, workspace, name="B", from_name="B", from_address="b@b.example", at=1.0
    )
    row = NewContact("p@a.example", "p@a.example", "a.example", "P", {})
    await store.main.write(contacts.take, workspace, None, [row], Consent("express", "x", "import"), 1.0)
    await store.main.write(campaigns.create, workspace, brand, at=1.0, name="C", subject="S", html="x", tree={})
    (found,) = await store.main.read(contacts.page, workspace)
    return found.id


def opened(person, number):
    return Opened(
        at=float(number), workspace_id=1, campaign_id=1, contact_id=person, envelope_id=number, user_agent="Ü\n\u2028"
    )


async def numbers(store):
    return [entry.fact.envelope_id for entry in await store.main.read(factlog.of_campaign, 1, "Opened", "Clicked")]


def files(folder):
    return sorted(path.name for path in folder.glob("*.journal"))


def test_an_event_is_a_line_and_comes_back_whole():
    for event in (opened(7, 1), Clicked(at=2.5, campaign_id=1, link=3, headers="a: b\nc: d", machine=True)):
        text = line(event)
        assert text.count(b"\n") == 1
        assert text.endswith(b"\n")
        assert read_line(text) == event


async def test_events_are_on_disk_and_then_facts(store, clock, person, tmp_path):
    journal = Journal(tmp_path, clock)
    log, folding = EventLog(store.main, journal), Folding(store.main, journal, clock)
    await asyncio.gather(*(asyncio.shield(log.add(opened(person, number))) for number in range(1, 301)))
    assert (tmp_path / files(tmp_path)[0]).read_bytes().count(b"\n") == 300
    assert await numbers(store) == []
    clock.advance(60)
    while await folding.step():
        pass
    assert await numbers(store) == list(range(1, 301))


async def test_who_refused_is_not_even_in_the_journal(store, clock, person, tmp_path):
    await store.main.write(contacts.set_tracking, person, False, 2.0)
    await EventLog(store.main, Journal(tmp_path, clock)).add(opened(person, 1))
    assert files(tmp_path) == []


async def test_who_was_erased_meanwhile_leaves_nothing(store, clock, person, tmp_path):
    journal = Journal(tmp_path, clock)
    await journal.append(line(opened(person, 1)) + line(opened(person + 1, 2)))
    await Folding(store.main, journal, clock).end()
    assert await numbers(store) == [1]


async def test_what_a_dead_process_left_is_taken_once_by_whoever_comes(store, clock, person, tmp_path):
    dead = Journal(tmp_path, clock)
    await dead.append(b"".join(line(opened(person, number)) for number in range(1, 4)))
    half = line(opened(person, 4))[:-20]
    path = tmp_path / files(tmp_path)[0]
    await dead.turn()
    path.write_bytes(path.read_bytes() + half)  # it was killed while it wrote: nobody had an answer
    others = [Folding(store.main, Journal(tmp_path, clock), clock) for _ in range(4)]
    await asyncio.gather(*(other.end() for other in others))
    assert await numbers(store) == [1, 2, 3]
    assert files(tmp_path) == []


async def test_a_crash_between_the_commit_and_the_removal_counts_nothing_twice(store, clock, person, tmp_path):
    dead = Journal(tmp_path, clock)
    await dead.append(line(opened(person, 1)))
    name, size = dead.name, dead.size
    assert await store.main.write(event_log.take, name, 0, size, [opened(person, 1)])
    assert not await store.main.write(event_log.take, name, 0, size, [opened(person, 1)])
    await dead.turn()
    await Folding(store.main, Journal(tmp_path, clock), clock).end()
    assert await numbers(store) == [1]
    assert files(tmp_path) == []


async def test_the_journal_of_a_living_process_is_left_alone(store, clock, person, tmp_path):
    living = Journal(tmp_path, clock)
    await living.append(line(opened(person, 1)))
    await Folding(store.main, Journal(tmp_path, clock), clock).end()
    assert await numbers(store) == []
    assert len(files(tmp_path)) == 1


async def test_a_line_that_cannot_be_read_stops_nothing(store, clock, person, tmp_path):
    journal = Journal(tmp_path, clock)
    await journal.append(line(opened(person, 1)) + b"\x00\xff\n" + b'["Nothing",[1],{}]\n' + line(opened(person, 2)))
    await Folding(store.main, journal, clock).end()
    assert await numbers(store) == [1, 2]


async def test_folding_waits_while_very_many_come_but_not_for_ever(store, clock, person, tmp_path, monkeypatch):
    monkeypatch.setattr(event_log, "LATEST", 1.0)
    journal = Journal(tmp_path, clock)
    folding = Folding(store.main, journal, clock)
    many = b"".join(line(opened(person, number)) for number in range(1, 401))
    clock.advance(0.1)
    await journal.append(many * 5)
    assert not await folding.step()
    assert await numbers(store) == []
    clock.advance(10)
    assert await folding.step()  # quiet now
    while await folding.step():
        pass
    assert await numbers(store) == list(range(1, 401)) * 5
    clock.advance(0.1)
    await journal.append(many * 5)
    assert not await folding.step()  # the beginning of a storm
    for _ in range(20):
        clock.advance(0.1)
        await journal.append(many * 5)
        if await folding.step():
            break
    assert len(await numbers(store)) > 2000


@pytest.mark.parametrize(("number", "error"), [(ENOSPC, JournalFull), (5, JournalUnavailable)])
async def test_a_disk_that_fails_leaves_no_half_of_a_line(clock, person, tmp_path, monkeypatch, number, error):
    journal = Journal(tmp_path, clock)
    await journal.append(line(opened(person, 1)))
    whole, write = (tmp_path / files(tmp_path)[0]).read_bytes(), os.write

    def failing(descriptor, data):
        write(descriptor, data[:10])
        raise OSError(number, "no")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", failing)
        with pytest.raises(error):
            await journal.append(line(opened(person, 2)))
    assert (tmp_path / files(tmp_path)[0]).read_bytes() == whole
    await journal.append(line(opened(person, 3)))
    assert (tmp_path / files(tmp_path)[0]).read_bytes().count(b"\n") == 2
