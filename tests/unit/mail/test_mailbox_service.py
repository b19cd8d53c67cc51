"""Mailboxes as a service, on both engines: several sessions, several processes, quota, search, what FETCH reads."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.mailstore import NOW, MemoryBlobs, add_account, message

from lettershop.base.clock import ManualClock
from lettershop.mail.mailbox.content import UnknownEncoding, pages
from lettershop.mail.mailbox.flags import FlagChange
from lettershop.mail.mailbox.maildrop import Maildrop, MessageGone
from lettershop.mail.mailbox.search import search, sent_day
from lettershop.mail.mailbox.selected import ReadOnly, Selected, select
from lettershop.mail.mailbox.service import Mailboxes, MailboxGone, OverQuota, Upload
from lettershop.mail.mailbox.watch import INTERVAL
from lettershop.store import mailboxes as rows
from lettershop.store.mailboxes import DELETED, SEEN, NewMessage, NoMailbox
from lettershop.wire.imap.fetch import Page
from lettershop.wire.imap.parse import parse
from lettershop.wire.imap.values import Attribute, FetchItem


class Staged:
    """One account and a service; `other` is a second process on the same database."""

    def __init__(self, store: Any, clock: ManualClock, account: int) -> None:
        self.account = account
        self.blobs = MemoryBlobs()
        self.service = Mailboxes(store.mail, self.blobs, clock)
        self.other = Mailboxes(store.mail, self.blobs, clock)
        self.clock = clock

    async def add(self, *messages: bytes, flags: int = 0, name: str = "INBOX") -> None:
        for data in messages:
            await self.service.append(self.account, name, [Upload(data, self.clock.now(), flags)])

    async def open(self, name: str = "INBOX", *, read_only: bool = False) -> Selected:
        return await select(self.service, self.account, name, read_only=read_only)


@pytest.fixture
async def staged(store: Any, clock: ManualClock) -> AsyncIterator[Staged]:
    yield Staged(store, clock, await store.mail.write(add_account))


async def found(selected: Selected, query: str) -> list[int]:
    command: Any = parse(b"a SEARCH " + query.encode())
    return [at + 1 for at in await search(selected, command.arguments.key)]


async def fetched(selected: Selected, query: str) -> Page:
    command: Any = parse(b"a FETCH " + query.encode())
    positions = command.arguments.set.positions(range(1, len(selected.view.uids) + 1))
    (page,) = [page async for page in pages(selected, positions, command.arguments.items)]
    return page


async def test_append_describes_and_stores(staged: Staged) -> None:
    await staged.add(message("one"), message("two"))
    selected = await staged.open()
    page = await fetched(selected, "1:* (UID RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
    assert page.uids == [1, 2]
    assert page.sizes == [len(message("one"))] * 2
    assert b'"one"' in page.envelopes[0]
    assert page.structures[0].startswith(b'("TEXT" "PLAIN"')
    assert staged.blobs.bytes_read == 0  # everything was kept at delivery


async def test_quota_and_missing_mailboxes(staged: Staged, store: Any) -> None:
    small = await store.mail.write(add_account, "small@shop.example", 250)
    upload = Upload(message(), NOW)
    await staged.service.append(small, "INBOX", [upload])
    await staged.service.append(small, "INBOX", [upload])
    with pytest.raises(OverQuota):
        await staged.service.append(small, "INBOX", [upload, upload])
    selected = await select(staged.service, small, "INBOX", read_only=False)
    assert len(selected.view.uids) == 2
    with pytest.raises(OverQuota):
        await selected.copy([0, 1], "Archive")
    await selected.move([0, 1], "Archive")  # needs no room
    with pytest.raises(NoMailbox):
        await staged.service.append(small, "Nothing", [upload])
    with pytest.raises(NoMailbox):
        await select(staged.service, small, "Nothing", read_only=False)


async def test_another_process_is_seen_at_refresh(staged: Staged) -> None:
    await staged.add(message(), message())
    mine = await staged.open()
    theirs = await select(staged.other, staged.account, "INBOX", read_only=False)
    await theirs.store([0], FlagChange(add=DELETED))
    await theirs.expunge()
    await staged.other.append(staged.account, "INBOX", [Upload(message("new"), NOW)])
    news = await mine.catch_up()
    assert (news.expunged, news.exists, news.arrived) == ([1], 2, [3])
    assert (await mine.catch_up()).exists is None


async def test_a_write_brings_the_news_of_others(staged: Staged) -> None:
    await staged.add(message())
    mine = await staged.open()
    await staged.other.append(staged.account, "INBOX", [Upload(message("new"), NOW)])
    result = await mine.store([0], FlagChange(add=SEEN))  # worked out again: the mailbox has moved on
    news = await mine.catch_up(refresh=False, own=result.modseq)
    assert (news.exists, news.changed) == (2, [])


async def test_changes_of_flags_by_two_processes_at_once_all_count(staged: Staged) -> None:
    await staged.add(message(), message())
    mine = await staged.open()
    theirs = await select(staged.other, staged.account, "INBOX", read_only=False)
    changes = [
        session.store([number % 2], FlagChange(add_words=(f"{name}{number}",)))
        for number in range(6)
        for name, session in (("a", mine), ("b", theirs))
    ]
    await asyncio.gather(*changes)
    await mine.catch_up()
    assert [set(words.split()) for words in mine.index.words] == [
        {"a0", "a2", "a4", "b0", "b2", "b4"}, {"a1", "a3", "a5", "b1", "b3", "b5"}
    ]  # fmt: skip
    fresh = await select(
        Mailboxes(staged.service.db, staged.blobs, staged.clock), staged.account, "INBOX", read_only=True
    )
    assert fresh.index.words == mine.index.words
    assert fresh.index.box == mine.index.box


async def test_a_store_that_changes_nothing_writes_nothing(staged: Staged) -> None:
    await staged.add(message(), flags=SEEN)
    mine = await staged.open()
    before = mine.index.modseq
    assert (await mine.store([0], FlagChange(add=SEEN))).modseq == 0
    assert (await mine.catch_up()).changed == []
    assert mine.index.modseq == before


async def test_refused_are_those_changed_by_somebody_else(staged: Staged) -> None:
    await staged.add(message(), message(), message())
    mine = await staged.open()
    known = mine.index.modseq
    theirs = await select(staged.other, staged.account, "INBOX", read_only=False)
    await theirs.store([1], FlagChange(add=DELETED))
    result = await mine.store([0, 1, 2], FlagChange(add=SEEN), unchanged_since=known)
    assert result.refused == [2]
    assert mine.index.flags == [SEEN, DELETED, SEEN]


async def test_two_sessions_share_an_index_and_each_gets_its_news(staged: Staged) -> None:
    await staged.add(message(), message())
    first, second = await staged.open(), await staged.open()
    assert first.index is second.index
    await first.store([1], FlagChange(add=SEEN))
    assert (await second.catch_up(refresh=False)).changed == [2]


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (FlagChange(add=SEEN), (4, "x"), (5, "x")),
        (FlagChange(remove=SEEN), (5, "x"), (4, "x")),
        (FlagChange(add=8, add_words=("a",), replace=True), (5, "x y"), (8, "a")),
        (FlagChange(add_words=("X", "z")), (0, "x y"), (0, "x y z")),
        (FlagChange(remove_words=("Y",)), (0, "x y"), (0, "x")),
    ],
)
def test_flag_changes(change: FlagChange, before: tuple[int, str], after: tuple[int, str]) -> None:
    assert change.apply(*before) == after
    assert change.apply(*after) == after


async def test_read_only_changes_nothing(staged: Staged) -> None:
    await staged.add(message(), flags=DELETED)
    selected = await staged.open(read_only=True)
    for change in (selected.store([0], FlagChange(add=SEEN)), selected.expunge(), selected.move([0], "Archive")):
        with pytest.raises(ReadOnly):
            await change
    assert await selected.mark_seen([0]) == 0
    assert len(selected.recent) == 1
    assert len((await staged.open()).recent) == 1  # EXAMINE did not use it up
    assert len((await staged.open()).recent) == 0


async def test_expunge_of_some(staged: Staged) -> None:
    await staged.add(message(), message(), message(), flags=DELETED)
    selected = await staged.open()
    await selected.expunge([0, 2])
    assert (await selected.catch_up(refresh=False)).expunged == [3, 1]


async def test_what_was_expunged_behind_the_back_is_left_out(staged: Staged) -> None:
    await staged.add(message("a"), message("b"), message("c"))
    mine, theirs = await staged.open(), await staged.open()
    await theirs.remove([1])
    assert (await fetched(mine, "1:3 (ENVELOPE)")).numbers == [1, 3]
    assert await found(mine, "ALL") == [1, 3]
    assert await found(mine, "SUBJECT c") == [3]
    assert await found(mine, "SMALLER 10000 NOT SUBJECT a") == [3]


async def test_a_mailbox_that_was_deleted(staged: Staged) -> None:
    await staged.service.create(staged.account, "Work")
    await staged.add(message(), name="Work")
    selected = await staged.open("Work")
    await staged.other.delete(staged.account, "Work")
    with pytest.raises(MailboxGone):
        await selected.catch_up()
    with pytest.raises(MailboxGone):
        await selected.store([0], FlagChange(add=SEEN))


async def test_only_the_bytes_asked_for_are_read(staged: Staged) -> None:
    body = "--b\r\nContent-Type: text/plain\r\n\r\nsmall\r\n--b\r\n\r\n" + "x" * 100_000 + "\r\n--b--"
    await staged.add(message(body=body, Content_Type="multipart/mixed; boundary=b"))
    selected = await staged.open()
    page = await fetched(selected, "1 (BODY.PEEK[1] BODY.PEEK[2]<10.20> BODY.PEEK[HEADER.FIELDS (Subject)] BODY[3])")
    assert [column[0] for column in page.sections] == [b"small", b"x" * 20, b"Subject: hello\r\n\r\n", None]
    assert staged.blobs.bytes_read == 25


async def test_binary_sections(staged: Staged) -> None:
    await staged.add(
        message(body="aGVs\r\nbG8=", Content_Transfer_Encoding="base64"),
        message(body="?", Content_Transfer_Encoding="x-uue"),
    )
    selected = await staged.open()
    page = await fetched(selected, "1 (BINARY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[1]<1.2>)")
    assert [column[0] for column in page.sections] == [b"hello", 5, b"el"]
    with pytest.raises(UnknownEncoding):
        await fetched(selected, "2 BINARY.PEEK[1]")


async def test_messages_stored_without_a_description_are_described_when_asked(staged: Staged, store: Any) -> None:
    data = message("late")
    box = await store.mail.read(rows.mailbox_by_name, staged.account, "INBOX")
    await store.mail.write(rows.append, box.id, NewMessage(await staged.blobs.put(data), len(data), NOW))
    selected = await staged.open()
    page = await fetched(selected, "1 (ENVELOPE BODY BODY.PEEK[HEADER] BODY.PEEK[1])")
    assert b'"late"' in page.envelopes[0]
    assert page.sections[1] == [b"Hello world\r\n"]
    assert await found(selected, "SUBJECT late") == [1]


async def test_large_answers_come_in_pieces(staged: Staged) -> None:
    await staged.add(*[message(body="x" * 900_000) for _ in range(6)])
    selected = await staged.open()
    items: list[FetchItem] = list(parse(b"a FETCH 1 BODY.PEEK[]").arguments.items)  # type: ignore[union-attr]
    sizes = [len(page.uids) async for page in pages(selected, range(6), items)]
    assert sizes == [3, 3]
    assert [len(page.uids) async for page in pages(selected, range(6), [Attribute("FLAGS")])] == [6]


async def test_search(staged: Staged) -> None:
    await staged.add(
        message("Hello", "plain text", Date="Sat, 24 Mar 2007 23:00:00 -0500"),
        message("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "aMOkbGxv", Content_Type="text/plain; charset=utf-8",
                Content_Transfer_Encoding="base64", Date="25 Mar 2007 01:00:00 +0000", Cc="carl@c.example"),
    )  # fmt: skip
    await staged.add(message("seen", "third"), flags=SEEN)
    selected = await staged.open()
    for query, expected in {
        "ALL": [1, 2, 3],
        "UNSEEN": [1, 2],
        "SUBJECT hello": [1],
        'SUBJECT ""': [1, 2, 3],
        "CC carl": [2],
        "NOT CC carl": [1, 3],
        "HEADER X-None x": [],
        "BODY plain": [1],
        "TEXT hello": [1],
        "BODY Hello": [],
        "OR SEEN CC carl": [2, 3],
        "SENTON 24-Mar-2007": [1],
        "SENTSINCE 24-Mar-2007": [1, 2],
        "SENTBEFORE 25-Mar-2007": [1],
        "2:*": [2, 3],
        "UID 3": [3],
        "LARGER 10": [1, 2, 3],
        "SMALLER 10": [],
        "RECENT": [1, 2, 3],
        "OLD": [],
        "ON 14-Nov-2023": [1, 2, 3],
        "BEFORE 14-Nov-2023": [],
        "YOUNGER 60": [1, 2, 3],
        "OLDER 60": [],
        "MODSEQ 1": [1, 2, 3],
        "NOT (SUBJECT hello UNSEEN)": [2, 3],
    }.items():
        assert await found(selected, query) == expected, query
    for text in ("GRÜSSE", "hällo"):
        key: Any = parse(b"a SEARCH TEXT {%d}\r\n" % len(text.encode()), [text.encode()]).arguments
        assert await search(selected, key.key) == [1], text
    selected.saved = [2, 3]
    assert await found(selected, "$ UNSEEN") == [2]


@pytest.mark.parametrize(
    ("value", "day"), [("1 Jan 1970 23:59:59 -1200", 0), ("nonsense", None), ("32 Jan 1970", None)]
)
def test_the_day_of_a_date_field(value: str, day: int | None) -> None:
    assert sent_day(value) == day


async def test_waiting_for_news(staged: Staged) -> None:
    selected = await staged.open()
    watch, clock = staged.service.watch, staged.clock
    waiting = [asyncio.ensure_future(watch.changed(selected.mailbox_id, selected.index.modseq)) for _ in range(2)]
    await asyncio.sleep(0)
    clock.advance(INTERVAL)
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    await staged.other.append(staged.account, "INBOX", [Upload(message(), NOW)])
    clock.advance(INTERVAL)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert watch._task is None  # nobody waits, nobody asks


async def test_a_maildrop_is_numbered_once_and_deleted_from_at_the_end(staged: Staged) -> None:
    await staged.add(message("a"), message("b"), message("c"))
    drop = await Maildrop.open(staged.service, staged.account)
    await staged.add(message("later"))
    assert [number for number, _ in drop.sizes()] == [1, 2, 3]
    assert len({drop.unique_id(number) for number in (1, 2, 3)}) == 3
    assert (await drop.message(2))[0] == message("b")
    drop.delete(2)
    assert not drop.has(2)
    drop.reset()
    drop.delete(1)
    drop.delete(3)
    selected = await staged.open()
    assert len(selected.view.uids) == 4
    await drop.remove_deleted()
    assert (await selected.catch_up()).expunged == [3, 1]
    with pytest.raises(MessageGone):
        await drop.message(1)
    assert len(selected.recent) == 2  # POP3 uses up no \Recent
