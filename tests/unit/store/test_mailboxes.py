"""Mailboxes and messages in the store, on both engines: counters, UIDs and modseqs always agree with the rows."""

from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from tests.mailstore import NOW, add_account

from lettershop.base.errors import Conflict
from lettershop.store import mailboxes, messages
from lettershop.store.database import Transaction
from lettershop.store.mailboxes import DELETED, FLAGGED, SEEN, MailboxExists, NewMessage, NoMailbox
from lettershop.store.messages import Chosen, Edit
from lettershop.store.schema_mail import accounts
from lettershop.store.schema_mail import messages as rows


def new(blob: str = "b1", size: int = 100, **more: Any) -> NewMessage:
    return NewMessage(blob, size, NOW, **more)


def truth(conn: Connection, mailbox_id: int) -> tuple[int, int, int]:
    """What the counters must say, counted from the rows."""
    mine = rows.c.mailbox_id == mailbox_id
    count = conn.scalar(select(func.count()).select_from(rows).where(mine)) or 0
    unseen = conn.scalar(select(func.count()).select_from(rows).where(mine, rows.c.flags.bitwise_and(SEEN) == 0)) or 0
    return count, unseen, int(conn.scalar(select(func.sum(rows.c.size)).where(mine)) or 0)


async def inbox(store: Any, account: int, name: str = "INBOX") -> mailboxes.Mailbox:
    box = await store.mail.read(mailboxes.mailbox_by_name, account, name)
    assert box is not None
    assert (box.messages, box.unseen, box.bytes) == await store.mail.read(truth, box.id)
    return box


async def used(store: Any, account: int) -> int:
    return int((await store.mail.read(mailboxes.quota, account)).used)


async def index_of(store: Any, account: int, name: str = "INBOX") -> list[tuple[int, int, str]]:
    found = await store.mail.read(messages.opened, account, name, lambda _: None)
    return [(row[0], row[1], row[5]) for row in found[0].rows]


async def test_every_account_has_the_default_mailboxes_and_asking_twice_changes_nothing(store: Any) -> None:
    account = await store.mail.write(add_account)
    before = await store.mail.read(mailboxes.list_mailboxes, account)
    await store.mail.write(mailboxes.ensure_mailboxes, account, NOW + 5)
    assert await store.mail.read(mailboxes.list_mailboxes, account) == before
    assert [box.name for box in before] == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]
    assert {box.name: box.special_use for box in before}["Sent"] == "\\Sent"
    assert len({box.uid_validity for box in before}) == 6
    assert await store.mail.read(mailboxes.subscribed, account) == {box.name for box in before}


async def test_append_counts_in_mailbox_and_account(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    first = await store.mail.write(mailboxes.append, box.id, new(size=10))
    more = await store.mail.write(mailboxes.append_all, box.id, [new(size=20, flags=SEEN), new(size=30)])
    assert [first.uid, *(result.uid for result in more)] == [1, 2, 3]
    assert first.modseq < more[0].modseq == more[1].modseq
    after = await inbox(store, account)
    assert (after.uid_next, after.messages, after.unseen, after.bytes) == (4, 3, 2, 60)
    assert await used(store, account) == 60
    with pytest.raises(NoMailbox):
        await store.mail.write(mailboxes.append, 987_654, new())


async def test_inbox_is_found_in_any_case_but_other_names_are_not(store: Any) -> None:
    account = await store.mail.write(add_account)
    assert (await inbox(store, account, "inBox")).name == "INBOX"
    assert await store.mail.read(mailboxes.mailbox_by_name, account, "sent") is None


async def test_a_name_made_again_gets_a_higher_uidvalidity_in_the_same_second(store: Any) -> None:
    account = await store.mail.write(add_account)
    seen = []
    for _ in range(3):
        seen.append((await store.mail.write(mailboxes.create, account, "Work", NOW)).uid_validity)
        await store.mail.write(mailboxes.remove, account, "Work", NOW)
    assert seen == sorted(set(seen))


async def test_creating_twice_and_deleting_inbox_are_refused(store: Any) -> None:
    account = await store.mail.write(add_account)
    await store.mail.write(mailboxes.create, account, "Work", NOW)
    with pytest.raises(MailboxExists):
        await store.mail.write(mailboxes.create, account, "Work", NOW)
    with pytest.raises(Conflict):
        await store.mail.write(mailboxes.remove, account, "inbox", NOW)
    with pytest.raises(NoMailbox):
        await store.mail.write(mailboxes.remove, account, "Nothing", NOW)


async def test_rename_takes_children_along_and_never_overwrites(store: Any) -> None:
    account = await store.mail.write(add_account)
    for name in ("a", "a/b", "a/b/c", "ab", "x/b"):
        await store.mail.write(mailboxes.create, account, name, NOW)
    with pytest.raises(MailboxExists):
        await store.mail.write(mailboxes.rename, account, "a", "x", NOW)
    with pytest.raises(Conflict):
        await store.mail.write(mailboxes.rename, account, "a", "a/b/z", NOW)
    await store.mail.write(mailboxes.rename, account, "a", "y", NOW)
    names = {box.name for box in await store.mail.read(mailboxes.list_mailboxes, account)}
    assert {"y", "y/b", "y/b/c", "ab", "x/b"} <= names
    assert not names & {"a", "a/b", "a/b/c"}


async def test_renaming_inbox_moves_its_messages_and_tells_open_sessions(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    await store.mail.write(mailboxes.append_all, box.id, [new(), new(flags=SEEN)])
    known = (await inbox(store, account)).modseq
    await store.mail.write(mailboxes.rename, account, "INBOX", "old", NOW)
    assert (await inbox(store, account, "old")).messages == 2
    empty = await inbox(store, account)
    assert (empty.messages, empty.uid_next) == (0, 3)
    news = await store.mail.read(messages.changes, box.id, known)
    assert sorted(news.expunged) == [1, 2]
    assert await used(store, account) == 200


async def test_subscriptions_outlive_their_mailbox(store: Any) -> None:
    account = await store.mail.write(add_account)
    await store.mail.write(mailboxes.create, account, "Work", NOW)
    await store.mail.write(mailboxes.subscribe, account, "Work")
    await store.mail.write(mailboxes.subscribe, account, "Work")
    await store.mail.write(mailboxes.remove, account, "Work", NOW)
    assert "Work" in await store.mail.read(mailboxes.subscribed, account)
    assert await store.mail.write(mailboxes.unsubscribe, account, "Work") is True
    assert await store.mail.write(mailboxes.unsubscribe, account, "Work") is False


async def test_flags_are_set_with_one_modseq_and_counted(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    await store.mail.write(mailboxes.append_all, box.id, [new(), new(flags=SEEN), new(), new()])
    known = (await inbox(store, account)).modseq
    edits = [Edit(Chosen(1, 3, [1, 3]), SEEN, "Work"), Edit(Chosen(2, 2), FLAGGED, "")]
    modseq = await store.mail.write(messages.set_flags, box.id, known, -1, edits)
    assert await index_of(store, account) == [(1, SEEN, "Work"), (2, FLAGGED, ""), (3, SEEN, "Work"), (4, 0, "")]
    assert (await inbox(store, account)).modseq == modseq
    news = await store.mail.read(messages.changes, box.id, known)
    assert [(row[0], row[2]) for row in news.rows] == [(1, modseq), (2, modseq), (3, modseq)]


async def test_flags_worked_out_from_an_older_state_are_not_set(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    await store.mail.write(mailboxes.append, box.id, new())
    edits = [Edit(Chosen(1, 1), SEEN, "")]
    assert await store.mail.write(messages.set_flags, box.id, box.modseq, -1, edits) is None
    assert await store.mail.write(messages.set_flags, 98_765, 1, -1, edits) is None
    assert await index_of(store, account) == [(1, 0, "")]
    assert (await inbox(store, account)).unseen == 1


async def test_copy_shares_the_bytes_and_keeps_flags(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    await store.mail.write(mailboxes.append_all, box.id, [new("b1", flags=SEEN), new("b2"), new("b3", keywords="X")])
    target = await inbox(store, account, "Archive")
    copied = await store.mail.write(messages.copy, box.id, Chosen(1, 3, [1, 3]), target.id)
    assert copied.pairs == [(1, 1), (3, 2)]
    assert copied.uid_validity == target.uid_validity
    assert await index_of(store, account, "Archive") == [(1, SEEN, ""), (2, 0, "X")]
    assert await store.mail.read(messages.contents, target.id, Chosen(1, 2), ("blob",)) == {1: "b1", 2: "b3"}
    assert (await inbox(store, account, "Archive")).messages == 2
    assert await used(store, account) == 500


async def test_move_takes_them_out_of_the_source_also_within_one_mailbox(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    await store.mail.write(mailboxes.append_all, box.id, [new(), new(), new()])
    target = await inbox(store, account, "Archive")
    moved = await store.mail.write(messages.move, box.id, Chosen(1, 2), target.id, NOW)
    assert moved.pairs == [(1, 1), (2, 2)]
    assert [row[0] for row in await index_of(store, account)] == [3]
    again = await store.mail.write(messages.move, box.id, Chosen(3, 3), box.id, NOW)
    assert again.pairs == [(3, 4)]
    assert [row[0] for row in await index_of(store, account)] == [4]
    assert (await inbox(store, account)).messages == 1
    assert await used(store, account) == 300


async def test_expunge_takes_only_what_is_marked_and_is_told_to_others(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    await store.mail.write(mailboxes.append_all, box.id, [new(flags=DELETED), new(), new(flags=DELETED | SEEN)])
    known = (await inbox(store, account)).modseq
    assert await store.mail.write(messages.expunge, box.id, Chosen(1, 2), NOW, having=DELETED) == [1]
    assert await store.mail.write(messages.expunge, box.id, Chosen(1, 9), NOW, having=DELETED) == [3]
    news = await store.mail.read(messages.changes, box.id, known)
    assert (list(news.rows), sorted(news.expunged)) == ([], [1, 3])
    assert (await inbox(store, account)).messages == 1
    assert await used(store, account) == 100


async def test_a_blob_is_swept_when_its_last_message_has_gone(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    target = await inbox(store, account, "Archive")
    await store.mail.write(mailboxes.append_all, box.id, [new("kept"), new("gone")])
    await store.mail.write(messages.copy, box.id, Chosen(1, 1), target.id)
    await store.mail.write(messages.expunge, box.id, Chosen(1, 2), NOW)
    assert await store.mail.read(messages.released_before, NOW, 9) == {}
    assert await store.mail.read(messages.released_before, NOW + 1, 9) == {"gone": False, "kept": True}
    await store.mail.write(messages.forget_released, ["gone", "kept"])
    await store.mail.write(mailboxes.remove, account, "Archive", NOW + 2)
    assert await store.mail.read(messages.released_before, NOW + 3, 9) == {"kept": False}
    assert await used(store, account) == 0


async def test_changes_of_a_mailbox_that_is_gone_are_none(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await store.mail.write(mailboxes.create, account, "Work", NOW)
    assert await store.mail.read(messages.modseqs, [box.id, 98_765]) == {box.id: 1}
    await store.mail.write(mailboxes.remove, account, "Work", NOW)
    assert await store.mail.read(messages.changes, box.id, 1) is None
    assert await store.mail.read(messages.opened, account, "Work", lambda _: None) is None


async def test_recent_messages_are_claimed_once(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    await store.mail.write(mailboxes.append_all, box.id, [new(), new()])
    assert await store.mail.read(messages.count_recent, box.id, box.recent_uid) == 2
    assert await store.mail.write(mailboxes.claim_recent, box.id, 1, 3) == 1
    assert await store.mail.write(mailboxes.claim_recent, box.id, 1, 3) == 3
    assert await store.mail.write(mailboxes.claim_recent, box.id, 1, 5) == 3
    assert (await inbox(store, account)).recent_uid == 5


async def test_deleting_the_account_takes_everything(store: Any) -> None:
    account = await store.mail.write(add_account)
    box = await inbox(store, account)
    await store.mail.write(mailboxes.append, box.id, new())

    def remove(tx: Transaction) -> None:
        tx.conn.execute(accounts.delete().where(accounts.c.id == account))

    await store.mail.write(remove)
    assert await store.mail.read(truth, box.id) == (0, 0, 0)
