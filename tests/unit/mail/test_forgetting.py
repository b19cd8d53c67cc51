"""What is kept for a time only is forgotten, and not before it."""

from sqlalchemy import insert

from lettershop.mail.forgetting import DAY, EVERY, PIECE, Forgetting
from lettershop.store import sites
from lettershop.store.schema_delivery import dialogues
from lettershop.store.sites import SiteRow


async def keep(store, count, at):
    rows = [{"envelope_id": int(at) + number, "at": at, "text": "C: QUIT"} for number in range(count)]
    await store.main.write(lambda tx: tx.conn.execute(insert(dialogues), rows))


async def kept(store):
    return await store.main.read(lambda conn: len(conn.execute(dialogues.select()).all()))


async def test_dialogues_and_sites_go_when_their_time_is_over(store, clock):
    await keep(store, 3, clock.now())
    await store.main.write(sites.save, [SiteRow(source="", site="b.example", provider="x", at=clock.now())], [])
    service = Forgetting(store.main, clock, keep_dialogues=2)
    assert await service.step() is False
    assert await kept(store) == 3
    clock.advance(2 * DAY + 1)
    await service.step()
    assert await kept(store) == 0
    assert len(await store.main.read(sites.all_states)) == 1
    clock.advance(sites.OLD)
    await service.step()
    assert await store.main.read(sites.all_states) == []


async def test_much_goes_in_pieces_and_nobody_looks_too_often(store, clock):
    await keep(store, PIECE + 1, clock.now() - 3 * DAY)
    service = Forgetting(store.main, clock, keep_dialogues=2)
    assert await service.step() is True
    assert await service.step() is False
    assert await kept(store) == 0
    await keep(store, 1, clock.now() - 3 * DAY)
    await service.step()
    assert await kept(store) == 1
    clock.advance(EVERY)
    await service.step()
    assert await kept(store) == 0
