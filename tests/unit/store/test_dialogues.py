"""Dialogues of failed attempts: the last one of an envelope, until it is delivered or its time is over."""

from lettershop.store import dialogues, envelopes, stored
from lettershop.store.envelopes import Outcome
from lettershop.store.schema_delivery import DELIVERED, QUEUED


async def one(store):
    def write(tx):
        return stored.enqueue_stored(
            tx, workspace_id=None, mail_from="a@a.example", recipients=[("b@b.example", "b.example")], blob="b", size=1,
            now=1.0, expires_at=99.0,
        ).ids[0]  # fmt: skip

    return await store.main.write(write)


async def test_the_last_one_is_kept_until_it_is_delivered(store):
    envelope = await one(store)
    for at, text in ((2.0, "first\nlines"), (3.0, "second é")):
        await store.main.write(envelopes.finish, [Outcome(envelope, QUEUED, at, due_at=9.0, dialogue=text)])
    assert await store.main.read(dialogues.of, envelope) == (3.0, "second é")
    await store.main.write(envelopes.finish, [Outcome(envelope, QUEUED, 4.0, due_at=9.0)])
    assert await store.main.read(dialogues.of, envelope) == (3.0, "second é")
    await store.main.write(envelopes.finish, [Outcome(envelope, DELIVERED, 5.0, dialogue="")])
    assert await store.main.read(dialogues.of, envelope) is None


async def test_they_are_forgotten_in_time(store):
    first, second = await one(store), await one(store)
    await store.main.write(dialogues.keep, [(first, 10.0, "a"), (second, 20.0, "b")])
    assert await store.main.write(dialogues.forget, 15.0) == 1
    assert await store.main.read(dialogues.of, first) is None
    assert await store.main.read(dialogues.of, second) == (20.0, "b")
