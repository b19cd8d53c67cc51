"""A message that somebody writes: how it begins, what its fields mean, its bytes. [pure]"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from lettershop.base.errors import Invalid
from lettershop.mail.webmail.letter import File, Letter, Person, printable
from lettershop.wire.address import Address
from lettershop.wire.message import compose
from lettershop.wire.message.addresses import mailboxes

MOST_PEOPLE = 100
QUOTED = 50_000
"""Characters of a message that an answer quotes."""
REFERENCES = 20
"""Identifiers that an answer names; the first one and the last ones stay (RFC 5322 3.6.4 sets no end)."""


class NoAddress(Invalid):
    """A field does not hold addresses."""

    code = "address"


@dataclass(frozen=True, slots=True)
class Fields:
    """What the form holds, as it was typed."""

    sender: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """What a message answers: its identifier and those before it."""

    answers: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes two messages different: when, under which identifier, between which boundaries."""

    at: float
    message_id: str
    boundary: str


def written(fields: Fields, sender: Person, thread: Thread, files: Sequence[File], stamp: Stamp, *, bcc: bool) -> bytes:
    """The message; `bcc`: with that field, as one's own copy has it. Raises NoAddress."""
    header = compose.Header()
    header.add("From", compose.mailbox(sender.name, sender.address))
    for name, value in (("To", fields.to), ("Cc", fields.cc), ("Bcc", fields.bcc if bcc else "")):
        found = people(value)
        if found:
            header.add(name, ", ".join(compose.mailbox(one.name, one.address) for one in found))
    header.text("Subject", fields.subject)
    header.add("Date", format_datetime(datetime.fromtimestamp(stamp.at, UTC)))
    header.add("Message-ID", f"<{stamp.message_id}>")
    if thread.answers:
        header.add("In-Reply-To", f"<{thread.answers}>")
        header.add("References", " ".join(f"<{one}>" for one in _kept([*thread.references, thread.answers])))
    header.add("MIME-Version", "1.0")
    text = compose.text_part(fields.text.replace("\r\n", "\n").rstrip("\n") + "\n")
    if not files:
        return header.encode() + text
    parts = [text, *(compose.attachment(one.name, one.type, one.data) for one in files)]
    return compose.multipart(header, "mixed", parts, stamp.boundary)


def people(value: str) -> list[Person]:
    """The people in a field of the form, separated by commas or semicolons; raises NoAddress."""
    if ":" not in value:
        value = value.replace(";", ",")
    found = [Person(box.display, _checked(box.address)) for box in mailboxes(value)]
    if len(found) > MOST_PEOPLE:
        raise NoAddress(f"A message goes to at most {MOST_PEOPLE} people.", remedy="A campaign reaches more.")
    if value.strip(" ,") and not found:
        raise NoAddress(f"{printable(value)[:80]} is no address.")
    return found


def recipients(fields: Fields) -> list[Address]:
    """Everybody to whom it goes, once; raises NoAddress."""
    found = [Address.parse(one.address) for value in (fields.to, fields.cc, fields.bcc) for one in people(value)]
    if not found:
        raise NoAddress("Say to whom it goes.")
    return list(dict.fromkeys(found))


def answer(letter: Letter, own: Iterable[str], *, everybody: bool) -> Fields:
    """How an answer begins: to whom, what about, with the message quoted."""
    head, mine = letter.head, {one.lower() for one in own}
    to = head.reply_to or head.sender
    if all(one.address.lower() in mine for one in to):
        to = head.to  # one's own message is continued
    cc: list[Person] = []
    if everybody:
        there = mine | {one.address.lower() for one in to}
        cc = [one for one in (*head.to, *head.cc) if one.address.lower() not in there]
    quoted = "".join(f"> {line}".rstrip() + "\n" for line in letter.text[:QUOTED].splitlines())
    return Fields(
        _addressed(letter, mine), line(to), line(list(dict.fromkeys(cc))), "", _subject("Re: ", head.subject),
        f"\n\n{said(letter)}\n{quoted}",
    )  # fmt: skip


def passed_on(letter: Letter, own: Iterable[str]) -> Fields:
    """How a message begins that passes another one on."""
    head = letter.head
    top = [("From", line(head.sender)), ("Date", _moment(head.date)), ("Subject", head.subject), ("To", line(head.to))]
    known = "".join(f"{name}: {value}\n" for name, value in top if value)
    words = f"\n\n---------- ----------\n{known}\n{letter.text[:QUOTED]}"
    return Fields(_addressed(letter, {one.lower() for one in own}), subject=_subject("Fwd: ", head.subject), text=words)


def again(letter: Letter) -> Fields:
    """A draft as it was left."""
    head = letter.head
    sender = head.sender[0].address if head.sender else ""
    return Fields(sender, line(head.to), line(head.cc), line(head.bcc), head.subject, letter.text)


def said(letter: Letter) -> str:
    """The line above a quotation, in no language."""
    return ", ".join(filter(None, (line(letter.head.sender[:1]), _moment(letter.head.date)))) + ":"


def line(found: Sequence[Person]) -> str:
    """People as one types them."""
    return ", ".join(_typed(one) for one in found)


def _typed(one: Person) -> str:
    if not one.name:
        return one.address
    plain = all(character not in '",;:<>@()[]\\' for character in one.name)
    quoted = one.name.replace("\\", "").replace('"', "'")
    return f"{one.name if plain else chr(34) + quoted + chr(34)} <{one.address}>"


def _addressed(letter: Letter, mine: set[str]) -> str:
    """Under which of one's addresses the message came."""
    return next((one.address.lower() for one in (*letter.head.to, *letter.head.cc) if one.address.lower() in mine), "")


def _subject(mark: str, subject: str) -> str:
    marked = subject.lower().startswith(("re:", "aw:") if mark == "Re: " else ("fwd:", "fw:", "wg:"))
    return subject if marked else mark + subject


def _moment(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _checked(address: str) -> str:
    try:
        return str(Address.parse(address))
    except Invalid as error:
        raise NoAddress(f"{printable(address)[:80]} is no address.") from error


def _kept(ids: Sequence[str]) -> Sequence[str]:
    once = list(dict.fromkeys(ids))
    return once if len(once) <= REFERENCES else [once[0], *once[1 - REFERENCES :]]
