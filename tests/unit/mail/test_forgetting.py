"""What is kept for a time only is forgotten, and not before it."""

import pytest
from sqlalchemy import insert, select, update
from tests.mailstore import add_account

from lettershop.mail.forgetting import DAY, EVERY, GRACE, PIECE, Forgetting, Keep
from lettershop.store import mailboxes, messages, sites, stored
from lettershop.store.blobs import BlobMissing, open_blobs
from lettershop.store.mailboxes import NewMessage
from lettershop.store.messages import Chosen
from lettershop.store.schema_delivery import DELIVERED, QUEUED, dialogues, envelopes, outgoing
from lettershop.store.sites import SiteRow


@pytest.fixture
async def blobs(tmp_path, clock):
    made = open_blobs(f"file://{tmp_path}", clock)
    yield made
    await made.close()


async def keep(store, count, at):
    rows = [{"envelope_id": int(at) + number, "at": at, "text": "C: QUIT"} for number in range(count)]
    await store.main.write(lambda tx: tx.conn.execute(insert(dialogues), rows))


async def kept(store):
    return await store.main.read(lambda conn: len(conn.execute(dialogues.select()).all()))


async def test_dialogues_and_sites_go_when_their_time_is_over(store, clock, blobs):
    await keep(store, 3, clock.now())
    await store.main.write(sites.save, [SiteRow(source="", site="b.example", provider="x", at=clock.now())], [])
    service = Forgetting(store.main, store.mail, blobs, clock, Keep(dialogues=2, messages=3))
    assert await service.step() is False
    assert await kept(store) == 3
    clock.advance(2 * DAY + 1)
    await service.step()
    assert await kept(store) == 0
    assert len(await store.main.read(sites.all_states)) == 1
    clock.advance(sites.OLD)
    await service.step()
    assert await store.main.read(sites.all_states) == []


async def test_much_goes_in_pieces_and_nobody_looks_too_often(store, clock, blobs):
    await keep(store, PIECE + 1, clock.now() - 3 * DAY)
    service = Forgetting(store.main, store.mail, blobs, clock, Keep(dialogues=2, messages=3))
    assert await service.step() is True
    assert await service.step() is False
    assert await kept(store) == 0
    await keep(store, 1, clock.now() - 3 * DAY)
    await service.step()
    assert await kept(store) == 1
    clock.advance(EVERY)
    await service.step()
    assert await kept(store) == 0


async def test_stored_messages_go_when_everybody_has_them_and_their_time_is_over(store, clock, blobs):
    over, waits = await blobs.put(b"over"), await blobs.put(b"waits")

    def queue(tx, blob, state):
        made = stored.enqueue_stored(
            tx, workspace_id=None, mail_from="", blob=blob, size=5, now=clock.now(), expires_at=clock.now() + 9 * DAY,
            recipients=[("x@one.example", "one.example")],
        )  # fmt: skip
        tx.conn.execute(update(envelopes).where(envelopes.c.id.in_(made.ids)).values(state=state))

    await store.main.write(queue, over, DELIVERED)
    await store.main.write(queue, waits, QUEUED)
    service = Forgetting(store.main, store.mail, blobs, clock, Keep(dialogues=2, messages=3))
    await service.step()
    assert await blobs.get(over) == b"over"
    clock.advance(3 * DAY + 1)
    await service.step()
    with pytest.raises(BlobMissing):
        await blobs.get(over)
    assert await blobs.get(waits) == b"waits"
    assert await store.main.read(lambda conn: list(conn.scalars(select(outgoing.c.blob)))) == [waits]


async def test_the_bytes_of_expunged_mail_go_with_its_last_copy_and_not_at_once(store, clock, blobs):
    account = await store.mail.write(add_account)
    box = await store.mail.read(mailboxes.mailbox_by_name, account, "INBOX")
    target = await store.mail.read(mailboxes.mailbox_by_name, account, "Archive")
    keys = [await blobs.put(b"gone"), await blobs.put(b"copied")]
    await store.mail.write(mailboxes.append_all, box.id, [NewMessage(key, 5, clock.now()) for key in keys])
    await store.mail.write(messages.copy, box.id, Chosen(2, 2), target.id)
    await store.mail.write(messages.expunge, box.id, Chosen(1, 2), clock.now())
    service = Forgetting(store.main, store.mail, blobs, clock, Keep(dialogues=2))
    await service.step()
    assert await blobs.get(keys[0]) == b"gone", "somebody may be reading it"
    clock.advance(GRACE + EVERY)
    await service.step()
    with pytest.raises(BlobMissing):
        await blobs.get(keys[0])
    assert await blobs.get(keys[1]) == b"copied"
