"""Retention: raw signals and facts go when their time is over, verdicts and figures stay, files of imports too go."""

import pytest
from sqlalchemy import insert, select

from lettershop.base.config import Retention
from lettershop.base.facts import Clicked, Complained, Opened, Withheld
from lettershop.marketing.ageing import DAY, EVERY, Ageing
from lettershop.store import factlog, hits, workspaces
from lettershop.store.hits import KeptHit
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import facts, imports


@pytest.fixture
def ageing(store, clock, tmp_path):
    return lambda **days: Ageing(store.main, store.mail, clock, Retention(**days), tmp_path / "imports")


async def kept(half, table=facts):
    return await half.read(lambda conn: list(conn.execute(select(table.c.kind, table.c.data).order_by(table.c.id))))


async def test_who_asked_is_forgotten_and_what_it_meant_is_not(store, clock, ageing):
    seen = {"ip": "198.51.100.7", "user_agent": "Phone", "headers": "Accept: x"}
    head = {"at": clock.now(), "workspace_id": 1, "campaign_id": 1, "contact_id": 1, "envelope_id": 1}
    await store.main.write(lambda tx: tx.fact(Opened(**head, **seen)))
    await store.main.write(lambda tx: tx.fact(Clicked(**head, link=3, **seen)))
    await store.main.write(hits.put, [KeptHit(1, 1, 1, clock.now(), 0, machine=True, reasons="proxy", score=2.0)])
    service = ageing(raw_hits=10)
    await service.step()
    clock.advance(10 * DAY + 1)
    young = {**head, "at": clock.now()}
    await store.main.write(lambda tx: tx.fact(Opened(**young, **seen)))

    assert await service.step() is False

    rows = await kept(store.main)
    assert [row.data["ip"] for row in rows] == ["", "", "198.51.100.7"]
    assert rows[1].data["link"] == 3
    [hit] = (await store.main.read(hits.of_envelopes, [1]))[1]
    assert (hit.settled, hit.machine, hit.reasons) == (True, True, "proxy")
    assert await service.step() is False


async def test_facts_go_only_where_that_is_wanted_and_everybody_has_read_them(store, clock, ageing):
    for _ in range(3):
        await store.main.write(lambda tx: tx.fact(Withheld(at=clock.now(), reason="x")))
        await store.mail.write(lambda tx: tx.fact(Complained(at=clock.now(), address="x@y.example")))
    clock.advance(9 * DAY)
    await ageing(facts=0).step()
    await ageing(facts=8).step()
    assert len(await kept(store.main)) == 3, "nobody has read them"
    for log in ("facts", "mail_facts"):
        await store.main.write(lambda tx, log=log: factlog.advance(tx, "tally", log, since=0, to=2))
    await ageing(facts=8).step()
    assert len(await kept(store.main)) == 1
    assert len(await kept(store.mail, mail_facts)) == 1


async def test_files_of_imports_go_but_never_those_of_the_operator(store, clock, tmp_path, ageing):
    folder = tmp_path / "imports"
    folder.mkdir()
    names = {
        "old": folder / "r1.csv",
        "own": tmp_path / "own.csv",
        "young": folder / "r2.csv",
        "runs": folder / "r3.csv",
    }
    for path in names.values():
        path.write_text("line,reason\n")
    at = clock.now()

    def note(tx):
        same = {"workspace_id": 1, "file_name": "f", "basis": "b", "started_at": at}
        for name, state, ended in (
            ("old", "done", at),
            ("own", "done", at),
            ("young", "failed", at + 5 * DAY),
            ("runs", "running", None),
        ):
            tx.conn.execute(
                insert(imports).values(**same, state=state, finished_at=ended, rejected_file=str(names[name]))
            )

    await store.main.write(workspaces.ensure_workspace, "W", at)
    await store.main.write(note)
    clock.advance(6 * DAY)
    service = ageing(import_files=3)
    await service.step()
    assert [name for name, path in names.items() if path.exists()] == ["own", "young", "runs"]
    clock.advance(EVERY * 72 + 3 * DAY)
    await service.step()
    assert [name for name, path in names.items() if path.exists()] == ["own", "runs"]
