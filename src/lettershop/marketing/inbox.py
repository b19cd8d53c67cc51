"""The inbox: people's answers to campaigns, beside campaign and contact, and what we write back.

    Gathering   mail_facts (Replied) -> the stored message -> its words in a conversation, one commit with the cursor
    Inbox       pages, one conversation, answering, open and done

An answer of ours goes out under the address to which people answer (the brand's reply address, else its sender), signed and
queued as single messages are; its Message-ID carries the token of the person's envelope, so that their next answer is
known by it. It is noted in the transaction that queues it: what is shown as sent is in the queue.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, Invalid, NotFound
from lettershop.base.facts import Replied
from lettershop.mail.submission import Submission
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.mail.webmail import writing
from lettershop.mail.webmail.letter import Letter, Person, letter_of, printable
from lettershop.mail.webmail.writing import Fields, Stamp, Thread
from lettershop.store import conversations as rows
from lettershop.store import factlog, workspaces
from lettershop.store.blobs import BlobMissing, Blobs
from lettershop.store.conversations import About, Conversation, Said
from lettershop.store.database import Database, Transaction
from lettershop.store.factlog import Logged
from lettershop.wire.address import Address
from lettershop.wire.reports.answers import above_quotation

CONSUMER = "inbox"
BATCH = 500
LONGEST = 100_000
"""Characters of a message that are kept."""
MOST_IDS = 20


class NoSuchConversation(NotFound):
    """The conversation is not there, or not in this workspace."""

    code = "no-such-conversation"


class NobodyToAnswer(Conflict):
    """Nobody has written in it, or their address takes no mail."""

    code = "nobody-to-answer"


@dataclass(frozen=True, slots=True)
class Turn:
    """A message as it is shown: `words` without what it quotes, `rest` the whole where that is more."""

    said: Said
    words: str
    rest: str


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation. `sender`: under which address we answer, `to`: to which; `once`: makes the next answer go once."""

    conversation: Conversation
    turns: Sequence[Turn]
    sender: Person
    to: str
    once: str


class Gathering:
    """Takes answers into conversations; one process at a time."""

    def __init__(self, main: Database, mail: Database, blobs: Blobs) -> None:
        self._main = main
        self._mail = mail
        self._blobs = blobs

    async def step(self) -> bool:
        """Take the next piece of the log; whether there was any."""
        since = await self._main.read(factlog.position, CONSUMER, "mail_facts")
        batch = await self._mail.read(factlog.read_since, "mail_facts", since, BATCH)
        if not batch:
            return False
        heard = [(about, one) for entry in batch if (about := _about(entry)) for one in [await self._read(entry)]]
        await self._main.write(_take, heard, since, factlog.last_id(batch))
        return True

    async def _read(self, entry: Logged) -> Said:
        """The words of the stored message; without it (deleted within the second, or no mailbox took it), the fact alone."""
        fact = entry.fact
        assert isinstance(fact, Replied), "asked before"
        blob = await self._mail.read(rows.stored_blob, fact.message_id) if fact.message_id else None
        try:
            letter = await asyncio.to_thread(letter_of, await self._blobs.get(blob)) if blob else None
        except BlobMissing:
            letter = None
        return _said(entry.id, fact, letter)


class Inbox:
    """One object per process."""

    def __init__(self, main: Database, submission: Submission, tokens: Tokens, clock: Clock) -> None:
        self._main = main
        self._submission = submission
        self._tokens = tokens
        self._clock = clock

    async def page(
        self, workspace_id: int, *, state: str = "", campaign_id: int | None = None, query: str = "",
        before: int | None = None, limit: int = 50,
    ) -> Sequence[Conversation]:  # fmt: skip
        """See `store.conversations.page`."""
        return await self._main.read(
            rows.page, workspace_id, state=state, campaign_id=campaign_id, query=query, before=before, limit=limit
        )

    async def count_open(self, workspace_id: int) -> int:
        """How many wait to be dealt with."""
        return await self._main.read(rows.count_open, workspace_id)

    async def talk(self, workspace_id: int, conversation_id: int) -> Talk:
        """One conversation; raises NoSuchConversation."""
        found = await self._main.read(rows.find, workspace_id, conversation_id)
        if found is None:
            raise NoSuchConversation("There is no such conversation.")
        said = await self._main.read(rows.said, found.id)
        brand = await self._main.read(workspaces.brand, found.brand_id)
        sender = Person(brand.from_name, brand.reply_to or brand.from_address) if brand else Person("", "")
        to = next((one.reply_to for one in reversed(said) if not one.ours and one.reply_to), found.address)
        return Talk(found, [_turn(one) for one in said], sender, to, self._clock.token(12).hex())

    async def answer(
        self, workspace_id: int, conversation_id: int, text: str, *, by: str, once: str, done: bool = False
    ) -> None:
        """Write back; `once` makes it go once however often it is pressed. Raises NoSuchConversation, Invalid, NobodyToAnswer."""
        talk = await self.talk(workspace_id, conversation_id)
        text = printable(text.replace("\r\n", "\n")).strip("\n")
        if not text.strip() or len(text) > LONGEST:
            raise Invalid("Write something.", code="empty-answer")
        if not talk.sender.address or not talk.turns:
            raise NobodyToAnswer("There is nobody to answer.")
        now, last = self._clock.now(), talk.turns[-1].said
        message_id = self._message_id(talk, once)
        if await self._main.read(rows.answered, conversation_id, message_id):
            return
        thread = Thread(last.message_id if "@" in last.message_id else "", tuple(last.thread.split()))
        subject = talk.conversation.subject
        fields = Fields(
            talk.sender.address, talk.to, subject=subject if subject[:3].lower() == "re:" else f"Re: {subject}",
            text=f"{text}\n{_quoted(talk)}",
        )  # fmt: skip
        stamp = Stamp(now, message_id, f"=_{sha256(once.encode()).hexdigest()[:32]}")
        message = writing.written(fields, talk.sender, thread, (), stamp, bcc=False)
        before = " ".join([*thread.references, thread.answers][-MOST_IDS:]).strip()
        one = Said(now, True, by, "", message_id, before, text)

        def note(tx: Transaction, _outgoing_id: int) -> None:
            rows.answer(tx, conversation_id, one, done=done)

        sender = Address.parse(talk.sender.address)
        await self._submission.send_for(workspace_id, sender, [talk.to], message, note=note)

    async def set_done(self, workspace_id: int, conversation_ids: Sequence[int], *, done: bool) -> int:
        """Close conversations, or open them again; how many that were."""
        return await self._main.write(rows.set_done, workspace_id, conversation_ids[:1000], done=done)

    def _message_id(self, talk: Talk, once: str) -> str:
        """Begins with the token of the person, as that of the campaign does (`mail.returned`)."""
        about = talk.conversation
        token = self._tokens.seal(Recipient(about.campaign_id, about.envelope_id or 0, about.contact_id))
        mark = sha256(f"inbox {about.id} {once}".encode()).hexdigest()[:24]
        return f"{token}.{mark}@{Address.parse(talk.sender.address).domain}"


def _about(entry: Logged) -> About | None:
    fact = entry.fact
    if not isinstance(fact, Replied) or not fact.campaign_id or not fact.contact_id:
        return None
    return About(fact.campaign_id, fact.contact_id, fact.envelope_id, printable(fact.subject))


def _said(fact_id: int, fact: Replied, letter: Letter | None) -> Said:
    address = _address(fact.address)
    if letter is None:
        return Said(fact.at, False, address, address, str(fact_id), "", "")
    head = letter.head
    answers = [one.address for one in head.reply_to or head.sender]
    return Said(
        fact.at, False, address, next(filter(None, map(_address, answers)), address), head.message_id or str(fact_id),
        " ".join(head.references[-MOST_IDS:]), letter.text[:LONGEST], len(letter.files),
    )  # fmt: skip


def _address(text: str) -> str:
    try:
        return str(Address.parse(text))
    except Invalid:
        return ""


def _take(tx: Transaction, heard: Sequence[tuple[About, Said]], since: int, to: int) -> None:
    if not factlog.advance(tx, CONSUMER, "mail_facts", since=since, to=to):
        return  # another process took this piece
    for about, one in heard:
        rows.hear(tx, about, one)


def _turn(one: Said) -> Turn:
    words = one.text if one.ours else above_quotation(one.text).strip() or one.text
    return Turn(one, words, one.text if words.strip() != one.text.strip() else "")


def _quoted(talk: Talk) -> str:
    theirs = next((turn for turn in reversed(talk.turns) if not turn.said.ours), None)
    if theirs is None:
        return ""
    return f"\n{theirs.said.author}:\n" + "".join(
        f"> {line}".rstrip() + "\n" for line in theirs.words[:20_000].splitlines()
    )
