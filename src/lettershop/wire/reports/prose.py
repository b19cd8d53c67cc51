"""Recipients, codes and reasons out of a bounce in words. [pure]

Each MTA writes another form, but nearly all of them put an address at the start of a line, or behind a word like
"Recipient:" or "RCPT TO:", and the reason beside or below it. The forms are tried from the surest to the vaguest; the
first that finds somebody counts.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property

from lettershop.wire.message.addresses import mailboxes
from lettershop.wire.reports import phrases, signs
from lettershop.wire.reports.status import ADDRESS, code_in, is_field, refined, stage_in_transcript, status_in
from lettershop.wire.reports.values import Original, Recipient
from lettershop.wire.reports.view import View

MOST, MOST_LINES = 50, 1_500
"""Recipients and lines of one report that are looked at: finding the words for each costs their product."""
BEHIND = 6
"""Lines behind an introduction in which any address is a recipient's."""
LONGEST = 1_000
"""Characters of a diagnostic."""

_A = ADDRESS.pattern
_LINE = re.compile(
    rf"[\s>*•\"'<\[\-]*({_A})[>\"'\]]*(?:\s*<mailto:[^>]*>)?\s*(?:$|[:,;(\[]|\.\.\.|<|on\b|invalid\b|failed\b|-|=|\(|'s\b)",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    rf"\b(?:recipients?(?: addresse?s?)?|rcpt to|to|address|user(?: unknown)?|unknown user|attempts|account|mailbox|"
    rf"(?:delivered|delivery|deliver|message|mail|sent|gateway|sending it|delivering your mail)\s+(?:to|for)"
    rf"(?: the following recipients?)?|"
    rf"rejected recipient|member|list|userid|following address(?:es)?)(?:\s*[:=]\s*|\s+|(?=[<\"'\[]))[<\"'\[]?({_A})",
    re.IGNORECASE,
)
_REPLY = re.compile(rf"\s*(?:<<<\s*)?[45]\d\d[\s-].*?<?({_A})>?\s*(?:\.\.\.|:|,)", re.IGNORECASE)
_NOT_ABOUT = re.compile(
    r"mail from|\bsender\b|envelope.from|contact|assistance|support|for (?:further )?help|please (?:send|forward|write|e-?mail)|"
    r"return-path|reply-to|message-id|https?:|generated from|expanded from|posted by|was sent by|original sender|"
    r"^\s*from\s*:|you sent|dear |hallo |guide|originat",
    re.IGNORECASE,
)
_GENERATED = re.compile(rf"(?:generated from|expanded from:?)\s*<?({_A})", re.IGNORECASE)
_INTRODUCED = re.compile(
    r"did not reach the following recipient|(?:could not|cannot) be delivered to the following|failed recipients?\W*$|"
    r"(?:the |these )?following (?:e-?mail )?(?:address|recipient|user)\S* (?:had|has|have|were|was|could|failed|did)",
    re.IGNORECASE,
)
"""A line behind which the recipients stand: what comes before it may describe the message."""

_OF_ALL = re.compile(r"\s*the user\(s\) (?:e-?mail )?account is", re.IGNORECASE)
"""As au (ezweb.ne.jp) has it."""

_X400 = re.compile(r"^smtp=", re.IGNORECASE)

Found = dict[str, str]


def recipients(view: View) -> list[Recipient]:
    """The recipients that a notice is about, each with what it says of them."""
    notice = Notice(view)
    own = _own(view)
    for form, lines in notice.readings:
        found = form(view, lines)
        kept = {key: address for key, address in found.items() if key not in own} or (found if form in _SURE else {})
        if kept:
            people = list(kept.values())[:MOST]
            command = stage_in_transcript(notice.lines) if len(people) == 1 else ""
            described = [_described(address, notice.about(address, people)) for address in people]
            return [replace(person, stage=command or person.stage) for person in described]
    return []


class Notice:
    """The words of a report, line by line, with the addresses that each line names."""

    def __init__(self, view: View) -> None:
        self.lines = [line for line in view.notice.split("\n") if not is_field(line)][:MOST_LINES]
        self._named = [{match[0].lower().rstrip(".") for match in ADDRESS.finditer(line)} for line in self.lines]

    @cached_property
    def _above(self) -> list[str]:
        """A sentence before everybody that says what is the matter with all of them."""
        return [line.strip() for line in self.lines[:10] if _OF_ALL.match(line)][:1]

    @property
    def readings(self) -> "list[tuple[_Form, list[str]]]":
        """How to look where: first behind an introduction of the recipients, if there is one, then everywhere."""
        start = next((index for index, line in enumerate(self.lines) if _INTRODUCED.search(line)), None)
        everywhere = [(form, self.lines) for form in _FORMS]
        if start is None:
            return everywhere
        near = self.lines[start:]
        return [*((form, near) for form in _NEAR), (_from_anywhere, near[:BEHIND]), *everywhere]

    def about(self, address: str, everybody: Iterable[str]) -> str:
        """What it says about this address: the lines beside and below it, else the answers it quotes, else all of it."""
        key = address.lower()
        foreign = {other.lower() for other in everybody} - {key}
        near = " ".join([*self._above, self._near(key, foreign)]).strip()
        if _has_code(near):
            return near[:LONGEST]
        answers = [
            line.strip()
            for line, named in zip(self.lines, self._named, strict=True)
            if _has_code(line) and not named & foreign
        ]
        if answers:
            return " ".join([near, *answers]).strip()[:LONGEST]
        if phrases.status_of(near):
            return near[:LONGEST]
        return " ".join(line.strip() for line in self.lines if line.strip())[: LONGEST * 2]

    def _near(self, key: str, foreign: set[str]) -> str:
        """The lines that name the address, each with those that follow until an empty line or another recipient."""
        kept: list[str] = []
        open_ = False
        for line, named in zip(self.lines, self._named, strict=True):
            if key in named:
                open_ = True
            elif not line.strip() or named & foreign:
                open_ = False
            if open_ and line.strip():
                kept.append(line.strip())
        return " ".join(kept)


def _own(view: View) -> set[str]:
    """Who wrote or sent the original, and who reports: not the recipients."""
    names = [view.header.get("To") or "", view.header.get("From") or ""]
    named = {mailbox.address.lower() for name in names for mailbox in mailboxes(name[: signs.LONGEST])}
    return named | {address.lower() for address in view_original(view, "From", "Sender", "Return-Path")}


def view_original(view: View, *names: str) -> list[str]:
    """Addresses in fields of the returned header."""
    from_returned = Original(view.returned)
    return from_returned.addresses(*names)


def _keyed(addresses: Iterable[str]) -> Found:
    found: Found = {}
    for address in addresses:
        clean = _X400.sub("", address.rstrip(".").strip("'\""))
        found.setdefault(clean.lower(), clean)
    return found


def _from_header(view: View, lines: list[str]) -> Found:
    """X-Failed-Recipients: Exim, Gmail and Mail.ru write it."""
    values = [field.value for field in view.header.all("X-Failed-Recipients")]
    return _keyed(match[0] for value in values for match in ADDRESS.finditer(value))


def _from_line_starts(view: View, lines: list[str]) -> Found:
    return _keyed(match[1] for line in lines if not _GENERATED.search(line) and (match := _LINE.match(line)))


def _from_replies(view: View, lines: list[str]) -> Found:
    """An SMTP answer that names its recipient, as sendmail's transcripts have it."""
    return _keyed(match[1] for line in lines if not _NOT_ABOUT.search(line) and (match := _REPLY.match(line)))


def _from_labels(view: View, lines: list[str]) -> Found:
    return _keyed(
        match[1] for line in _joined(lines) if not _NOT_ABOUT.search(line) for match in _LABELLED.finditer(line)
    )


def _from_generated(view: View, lines: list[str]) -> Found:
    """Where the address itself is kept secret, the one before the forwarding is told."""
    return _keyed(match[1] for line in lines for match in _GENERATED.finditer(line))


def _from_original(view: View, lines: list[str]) -> Found:
    return _keyed(view_original(view, "X-Envelope-To", "Delivered-To", "To", "Cc"))


def _from_anywhere(view: View, lines: list[str]) -> Found:
    return _keyed(match[0] for line in lines if not _NOT_ABOUT.search(line) for match in ADDRESS.finditer(line))


_Form = Callable[[View, list[str]], Found]
_NEAR: tuple[_Form, ...] = (_from_header, _from_line_starts, _from_replies, _from_labels)
_FORMS: tuple[_Form, ...] = (*_NEAR, _from_generated, _from_anywhere, _from_original)
_SURE: tuple[_Form, ...] = (_from_header, _from_line_starts)


def _joined(lines: list[str]) -> list[str]:
    """Paragraphs on one line each: a label may stand on the line before its address."""
    text = "\n".join(line.strip() for line in lines)
    return [" ".join(part.split("\n")) for part in re.split(r"\n\s*\n", text)]


def _described(address: str, words: str) -> Recipient:
    generated = _GENERATED.search(words)
    return refined(Recipient(address, diagnostic=words, original=generated[1] if generated else ""), words)


def _has_code(text: str) -> bool:
    return bool(code_in(text) or status_in(text))
