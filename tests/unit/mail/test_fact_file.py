"""The log files of facts: each fact once, whatever a kill leaves; a file a day; what others do to the files."""

from collections import Counter

import orjson
import pytest
from sqlalchemy import insert

from lettershop.base.facts import Replied, Withheld
from lettershop.mail import fact_file
from lettershop.mail.fact_file import CannotWrite, FactFile, append, recover
from lettershop.store.schema_main import facts


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "facts"


@pytest.fixture
def log(store, clock, folder):
    return FactFile(store.main, store.mail, clock, folder)


async def happen(store, clock, *names):
    for name in names:
        await store.main.write(lambda tx, name=name: tx.fact(Withheld(at=clock.now(), workspace_id=1, reason=name)))
        await store.mail.write(lambda tx, name=name: tx.fact(Replied(at=clock.now(), address=name, message_id=1)))


def lines(folder):
    return [
        orjson.loads(line) for file in sorted(folder.glob(fact_file.PATTERN)) for line in file.read_bytes().splitlines()
    ]


def told(folder):
    return [one["data"].get("reason") or one["data"]["address"] for one in lines(folder)]


async def test_every_fact_of_both_logs_is_a_line(store, clock, log, folder):
    await happen(store, clock, "a")
    assert not await log.step()
    await happen(store, clock, "b")
    await log.step()
    await log.step()
    assert told(folder) == ["a", "a", "b", "b"]
    assert lines(folder)[0] == {
        "log": "facts", "id": 1, "at": "2023-11-14T22:13:20.000Z", "kind": "Withheld", "workspace_id": 1,
        "campaign_id": None, "contact_id": None, "envelope_id": None, "data": {"reason": "a"},
    }  # fmt: skip


async def test_kinds_of_a_newer_version_are_written_as_they_are(store, clock, log, folder):
    row = {"at": 1.0, "kind": "Teleported", "data": {"where": "far"}}
    await store.main.write(lambda tx: tx.conn.execute(insert(facts), [row]) and None)
    await log.step()
    assert [(one["kind"], one["data"]) for one in lines(folder)] == [("Teleported", {"where": "far"})]


async def test_a_day_has_its_file_and_old_ones_go(store, clock, folder):
    log = FactFile(store.main, store.mail, clock, folder, keep_days=2)
    for day in range(5):
        await happen(store, clock, f"{day}")
        await log.step()
        clock.advance(86_400)
    assert [file.name for file in sorted(folder.glob("*.jsonl"))] == [
        f"facts-2023-11-{day}.jsonl" for day in (16, 17, 18)
    ]
    assert told(folder) == ["2", "2", "3", "3", "4", "4"]


@pytest.mark.parametrize("cut", range(0, 60, 7))
async def test_killed_before_the_position_was_kept(store, clock, folder, cut):
    """Lines are there, the last one cut off, and the position says nothing of them."""
    await happen(store, clock, "a")
    await FactFile(store.main, store.mail, clock, folder).step()
    kept = (folder / fact_file.POSITION).read_bytes()
    await happen(store, clock, "b", "c")
    await FactFile(store.main, store.mail, clock, folder).step()
    (folder / fact_file.POSITION).write_bytes(kept)
    [file] = folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[: -cut or None])
    await happen(store, clock, "d")
    await FactFile(store.main, store.mail, clock, folder).step()
    assert Counter(told(folder)) == {"a": 2, "b": 2, "c": 2, "d": 2}


async def test_killed_between_two_days(store, clock, folder):
    await happen(store, clock, "a")
    await FactFile(store.main, store.mail, clock, folder).step()
    kept = (folder / fact_file.POSITION).read_bytes()
    clock.advance(86_400)
    await happen(store, clock, "b")
    await FactFile(store.main, store.mail, clock, folder).step()
    (folder / fact_file.POSITION).write_bytes(kept)
    await happen(store, clock, "c")
    await FactFile(store.main, store.mail, clock, folder).step()
    assert Counter(told(folder)) == {"a": 2, "b": 2, "c": 2}


async def test_files_that_somebody_moves_away_are_not_written_again(store, clock, log, folder):
    await happen(store, clock, "a", "long enough to be longer than what comes")
    await log.step()
    for file in folder.glob("*.jsonl"):
        file.rename(file.with_suffix(".1"))
    await happen(store, clock, "b")
    await log.step()
    await happen(store, clock, "c")
    await FactFile(store.main, store.mail, clock, folder).step()
    assert told(folder) == ["b", "b", "c", "c"]


async def test_without_its_position_the_files_themselves_tell(store, clock, log, folder):
    await happen(store, clock, "a", "b")
    await log.step()
    (folder / fact_file.POSITION).unlink()
    await happen(store, clock, "c")
    await FactFile(store.main, store.mail, clock, folder).step()
    assert Counter(told(folder)) == {"a": 2, "b": 2, "c": 2}


async def test_a_second_process_does_not_write(store, clock, log, folder):
    await happen(store, clock, "a")
    lock = fact_file.take_lock(folder)
    assert not await log.step()
    assert told(folder) == []
    lock.close()
    await log.step()
    assert told(folder) == ["a", "a"]


async def test_two_that_take_turns_write_each_fact_once(store, clock, folder):
    both = [FactFile(store.main, store.mail, clock, folder) for _ in range(2)]
    for number in range(6):
        await happen(store, clock, f"{number}")
        await both[number % 2].step()
    await both[0].step()
    assert Counter(told(folder)) == {f"{number}": 2 for number in range(6)}


async def test_a_folder_that_cannot_be_written_is_said(store, clock, tmp_path):
    (tmp_path / "file").write_text("")
    await happen(store, clock, "a")
    with pytest.raises(CannotWrite):
        await FactFile(store.main, store.mail, clock, tmp_path / "file" / "facts").step()


async def test_a_full_disk_leaves_nothing_twice(store, clock, log, folder, monkeypatch):
    await happen(store, clock, "a")
    await log.step()
    await happen(store, clock, "b")

    def full(*_):
        with next(folder.glob("*.jsonl")).open("ab") as file:
            file.write(b'{"log":"facts","id":2,"at":"20')
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fact_file, "append", full)
    with pytest.raises(CannotWrite, match="No space"):
        await log.step()
    monkeypatch.setattr(fact_file, "append", append)
    await log.step()
    assert told(folder) == ["a", "a", "b", "b"]
    assert recover(folder).facts == 2
