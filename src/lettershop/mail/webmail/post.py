"""Writing: drafts and sending.

    begin (new, an answer, passing on, a draft)  >  the form  >  save: a draft in its folder  |  send

Sending goes the way of submission: the sender must be the account's, the same rule, the same signature, the same queue. What
was sent lies in Sent with its Bcc. Pressed twice it goes once: the form carries what its Message-ID is made of.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from lettershop.base.clock import Clock
from lettershop.base.errors import Invalid, LettershopError, NotFound, Refused, Temporary
from lettershop.mail.mailbox.flags import FlagChange
from lettershop.mail.mailbox.selected import select
from lettershop.mail.mailbox.service import OverQuota, Upload
from lettershop.mail.submission import Submission
from lettershop.mail.webmail import writing
from lettershop.mail.webmail.desk import Desk, Folders, Place
from lettershop.mail.webmail.letter import Attached, File, Letter, Person, file_of, letter_of
from lettershop.mail.webmail.writing import Fields, Stamp, Thread
from lettershop.store import accounts as account_rows
from lettershop.store import messages
from lettershop.store.accounts import Account
from lettershop.store.mailboxes import ANSWERED, DRAFT, SEEN, Mailbox
from lettershop.store.messages import Chosen
from lettershop.wire.address import Address
from lettershop.wire.sasl import Principal
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo
from lettershop.wire.smtp.replies import Reply

MOST_BYTES = 25 * 2**20
"""Of all files of a message; larger ones are refused by many receivers."""
MOST_FILES = 50
LOOKED_AT = 20
"""Messages in Sent among which one that was sent twice is looked for."""
FORWARDED = "$Forwarded"


class TooMuch(Refused):
    """The files are too large or too many."""

    code = "too-much"


class NotTaken(Refused):
    """Our own submission refuses the message."""

    code = "not-taken"


class NotNow(Temporary):
    """Our own submission cannot take it at the moment."""

    code = "not-now"


@dataclass(frozen=True, slots=True)
class Ref:
    """A message of the account."""

    box_id: int
    uid: int

    def __str__(self) -> str:
        return f"{self.box_id}.{self.uid}"

    @classmethod
    def parse(cls, text: str) -> "Ref | None":
        """From "box.uid"; None if it is none."""
        box, _, uid = text.partition(".")
        sound = box.isascii() and box.isdecimal() and uid.isascii() and uid.isdecimal() and len(text) < 38
        return cls(int(box), int(uid)) if sound else None


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a message that is there already."""

    ref: Ref
    file: Attached

    @property
    def name(self) -> str:
        """As the form names it."""
        return f"{self.ref}.{self.file.number}"


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody writes. `about`: the message that it answers or (`forward`) passes on; `draft`: where it was kept last;
    `carried`: files of messages that are there; `once`: makes the identifier."""

    fields: Fields
    once: str
    about: Ref | None = None
    forward: bool = False
    draft: Ref | None = None
    carried: tuple[Kept, ...] = ()
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form with what the page around it needs. `senders`: the addresses under which the account writes."""

    folders: Folders
    senders: Sequence[str]
    form: Form


class Post:
    """One object per process."""

    def __init__(self, desk: Desk, submission: Submission, clock: Clock, hostname: str) -> None:
        self._desk = desk
        self._submission = submission
        self._clock = clock
        self._hostname = hostname

    async def begin(self, user_id: int, account_id: int, how: str = "", ref: Ref | None = None, to: str = "") -> Sheet:
        """A form: empty, or by `how` (reply, all, forward, draft) about a message."""
        folders = await self._desk.folders(user_id, account_id)
        senders = await self._senders(folders.account)
        once = self._clock.token(16).hex()
        if ref is None:
            return Sheet(folders, senders, Form(Fields(senders[0], to[:1000]), once))
        letter = await self._desk.letter(Place(user_id, account_id, ref.box_id), ref.uid)
        if how == "draft":
            form = await self._resumed(letter, ref, once)
        elif how == "forward":
            fields = writing.passed_on(letter, senders)
            form = Form(fields, once, about=ref, forward=True, carried=_carried(ref, letter))
        else:
            form = Form(writing.answer(letter, senders, everybody=how == "all"), once, about=ref)
        sender = form.fields.sender if form.fields.sender in senders else senders[0]
        return Sheet(folders, senders, replace(form, fields=replace(form.fields, sender=sender)))

    async def again(self, user_id: int, account_id: int, form: Form) -> Sheet:
        """The page around a form that was sent to us."""
        folders = await self._desk.folders(user_id, account_id)
        return Sheet(folders, await self._senders(folders.account), form)

    async def carried(self, user_id: int, account_id: int, names: Sequence[str]) -> tuple[Kept, ...]:
        """The files of messages that a form names, as "box.uid.number"; those that are not there are left out."""
        wanted: dict[Ref, set[str]] = {}
        for name in names[:MOST_FILES]:
            message, _, number = name.rpartition(".")
            named = Ref.parse(message)
            if named is not None:
                wanted.setdefault(named, set()).add(number)
        kept: list[Kept] = []
        for ref, numbers in wanted.items():
            letter = await self._desk.letter(Place(user_id, account_id, ref.box_id), ref.uid)
            kept += [one for one in _carried(ref, letter) if str(one.file.number) in numbers]
        return tuple(kept)

    async def save(self, user_id: int, account_id: int, form: Form) -> Form:
        """Keep it as a draft in place of the one before; the form with the new one."""
        folders = await self._desk.folders(user_id, account_id)
        fields = _forgiving(form.fields)
        data = await self._made(user_id, folders.account, replace(form, fields=fields), bcc=True)
        box = await self._desk.role(folders, "\\Drafts")
        (kept,) = await self._desk.mailboxes.append(account_id, box.name, [Upload(data, flags=SEEN | DRAFT)])
        await self._drop_draft(user_id, account_id, form)
        ref = Ref(box.id, kept.uid)
        letter = await asyncio.to_thread(letter_of, data)
        return replace(form, draft=ref, carried=_carried(ref, letter), files=())

    async def send(self, user_id: int, account_id: int, form: Form) -> bool:
        """Send it. False: it went, but there was no room for the copy in Sent.

        Raises NoAddress, TooMuch, NotTaken, NotNow; then nothing was sent.
        """
        folders = await self._desk.folders(user_id, account_id)
        sent = await self._desk.role(folders, "\\Sent")
        if await self._sent_already(sent, form):
            return True
        account = folders.account
        own = await self._made(user_id, account, form, bcc=True)
        wire = await self._made(user_id, account, form, bcc=False) if form.fields.bcc.strip() else own
        await self._submit(account, form.fields, wire)
        try:
            await self._desk.mailboxes.append(account_id, sent.name, [Upload(own, flags=SEEN)])
            copied = True
        except (OverQuota, Temporary):
            copied = False
        await self._drop_draft(user_id, account_id, form)
        await self._mark(user_id, account_id, form)
        return copied

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _senders(self, account: Account) -> list[str]:
        others = await self._desk.mailboxes.db.read(account_rows.aliases_of, account.id)
        return [account.address, *(one for one in others if not one.startswith("@"))]

    async def _resumed(self, letter: Letter, ref: Ref, once: str) -> Form:
        return Form(writing.again(letter), once, draft=ref, carried=_carried(ref, letter))

    async def _made(self, user_id: int, account: Account, form: Form, *, bcc: bool) -> bytes:
        files = [*await self._files(user_id, account.id, form.carried), *form.files]
        if sum(len(file.data) for file in files) > MOST_BYTES or len(files) > MOST_FILES:
            raise TooMuch(
                f"The files of a message may have {MOST_BYTES // 2**20} MB together.",
                remedy="Send a link to them instead.",
            )
        thread = await self._thread(user_id, account.id, form)
        stamp = Stamp(self._clock.now(), self._message_id(form), f"=_{sha256(form.once.encode()).hexdigest()[:32]}")
        sender = Person(account.name, form.fields.sender or account.address)
        return await asyncio.to_thread(writing.written, form.fields, sender, thread, files, stamp, bcc=bcc)

    async def _files(self, user_id: int, account_id: int, carried: Sequence[Kept]) -> list[File]:
        found: list[File] = []
        for ref in dict.fromkeys(one.ref for one in carried):
            data = await self._desk.source(Place(user_id, account_id, ref.box_id), ref.uid)
            wanted = [one.file.number for one in carried if one.ref == ref]
            files = [await asyncio.to_thread(file_of, data, number) for number in wanted]
            found += [file for file in files if file is not None]
        return found

    async def _thread(self, user_id: int, account_id: int, form: Form) -> Thread:
        """What it answers; a draft knows it by its own header."""
        if form.forward:
            return Thread()
        for ref in (form.about, form.draft):
            if ref is None:
                continue
            try:
                head = (await self._desk.letter(Place(user_id, account_id, ref.box_id), ref.uid)).head
            except NotFound:
                continue
            if ref is form.about:
                return Thread(head.message_id, head.references)
            return Thread(head.references[-1], head.references[:-1]) if head.references else Thread()
        return Thread()

    def _message_id(self, form: Form) -> str:
        return f"{sha256(f'webmail {form.once}'.encode()).hexdigest()[:32]}@{self._hostname}"

    async def _sent_already(self, sent: Mailbox, form: Form) -> bool:
        low = max(1, sent.uid_next - LOOKED_AT)
        chosen = Chosen(low, sent.uid_next)
        found = await self._desk.mailboxes.db.read(messages.contents, sent.id, chosen, ("envelope",))
        wanted = f"<{self._message_id(form)}>".encode()
        return any(envelope is not None and wanted in envelope for envelope in found.values())

    async def _submit(self, account: Account, fields: Fields, data: bytes) -> None:
        principal = Principal(account.id, account.address)
        client = Client("127.0.0.1", 0, helo="webmail", principal=principal, via="HTTP")
        sender = MailFrom(Address.parse(fields.sender or account.address))
        _check(await self._submission.accept_sender(client, sender), str(sender.address))
        to = [RcptTo(address) for address in writing.recipients(fields)]
        for one in to:
            _check(await self._submission.accept_recipient(client, sender, one), str(one.address))
        _check(await self._submission.deliver(Envelope(client, sender, tuple(to)), data), "")

    async def _drop_draft(self, user_id: int, account_id: int, form: Form) -> None:
        if form.draft is None:
            return
        try:
            await self._desk.act(Place(user_id, account_id, form.draft.box_id), [form.draft.uid], "delete")
        except NotFound:
            return  # another window sent it or threw it away

    async def _mark(self, user_id: int, account_id: int, form: Form) -> None:
        """Say at the message that it was answered or passed on."""
        if form.about is None:
            return
        change = FlagChange(add_words=(FORWARDED,)) if form.forward else FlagChange(add=ANSWERED)
        try:
            folders = await self._desk.folders(user_id, account_id)
            name = folders.box(form.about.box_id).name
            selected = await select(self._desk.mailboxes, account_id, name, read_only=False, claim=False)
            place = selected.index.find(form.about.uid)
            if place is not None:
                await selected.store([selected.view.number(form.about.uid) - 1], change)
        except LettershopError:
            return  # the message went; a mark that is missing harms nobody


def _carried(ref: Ref, letter: Letter) -> tuple[Kept, ...]:
    return tuple(Kept(ref, file) for file in letter.files)


def _forgiving(fields: Fields) -> Fields:
    """A draft keeps the addresses that are whole."""
    kept = {}
    for name in ("to", "cc", "bcc"):
        try:
            writing.people(getattr(fields, name))
            kept[name] = getattr(fields, name)
        except Invalid:
            kept[name] = ", ".join(one.strip() for one in getattr(fields, name).split(",") if _sound(one))
    return replace(fields, **kept)


def _sound(text: str) -> bool:
    try:
        return bool(writing.people(text))
    except Invalid:
        return False


def _check(reply: Reply, address: str) -> None:
    if reply.positive:
        return
    words = f"{address}: {reply.text}." if address else f"{reply.text}."
    raise (NotNow if reply.temporary else NotTaken)(words)
