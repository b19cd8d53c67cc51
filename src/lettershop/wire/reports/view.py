"""A message taken apart as a report: the notice for people, the fields for machines, the message it is about. [pure]

Lenient: a MIME structure that does not hold is read as text, and a returned message that stands in the text is found
by its separator or by its header fields.
"""

import re
from dataclasses import dataclass, field
from html import unescape

from lettershop.wire.message import headers, mime
from lettershop.wire.message.headers import Header
from lettershop.wire.message.mime import Part

MOST_TEXT = 60_000
"""Characters of a notice that are read."""

_RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers",
                       "message/global-headers", "message/partial"})  # fmt: skip
_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_SEPARATOR = re.compile(
    r"[\s\-=_*>#|]*(?:(?:this|below this line|below|the following|here follows|here)\b.{0,30}?\b)?"
    r"(?:is |are )?(?:a )?(?:(?:copy|text|headers?|start|content|body) of )?(?:the |your |my )?"
    r"(?:copy of (?:the|your) (?:original )?(?:message|mail)|(?:original|unsent|returned|undelivered|rejected|bounced) "
    r"(?:e-?mail |mail )?(?:message|mail|header)(?: headers?| text)?|message headers?|header of the original message)"
    r"(?:[ ,.](?:follows?|is following|including|attached|below|was|text).{0,60})?[\s\-=_*.:#|]*",
    re.IGNORECASE,
)
_BELOW = re.compile(r"below this line|copy of (?:the|your) (?:original )?message", re.IGNORECASE)
"""Behind such a line nothing is the report's own, even if it is no header."""

_FIELD = re.compile(
    r"(?:received|return-path|message-id|from|to|cc|date|subject|dkim-signature|domainkey-signature|mime-version|"
    r"content-type|content-transfer-encoding|reply-to|sender|delivered-to|arc-[a-z-]+|authentication-results|list-[a-z-]+|x-[\w-]+)\s*:",
    re.IGNORECASE,
)
_TRACES = frozenset({"received", "return-path", "dkim-signature"})
_MUST = frozenset({"from", "date", "message-id"})
"""RFC 5322 3.6: a notice that tells "To", "Cc" and "Subject" of the message is no header yet."""

_TAG = re.compile(r"<br\s*/?>|</(?:p|div|tr|li|h\d|td|table)>|<[^<>]*>", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style|head)\b")
_BREAKING = re.compile(r"<br|</", re.IGNORECASE)


@dataclass(slots=True)
class View:
    """A report's parts. `notice`: the words for people, line ends "\\n"; `returned`: the header of the original message."""

    header: Header
    root: Part
    notice: str = ""
    returned: bytes = b""
    status: list[str] = field(default_factory=list)
    feedback: list[str] = field(default_factory=list)

    @property
    def wrapped(self) -> Part | None:
        """The message in a message that says nothing itself before it."""
        parts = self.root.parts
        if self.status or self.feedback or not parts or parts[0].mime != "message/rfc822":
            return None
        return next(iter(parts[0].parts), None)

    @property
    def report_type(self) -> str:
        """The report-type parameter of a multipart/report (RFC 6522), lower-case."""
        return self.root.param("report-type").lower() if self.root.mime == "multipart/report" else ""


def view(message: bytes) -> View:
    """Take a message apart."""
    root = mime.scan(message)
    found = View(headers.parse(message), root)
    texts: list[str] = []
    pages: list[str] = []
    _collect(message, root, found, texts, pages, top=True)
    if root.type == "multipart" and not root.parts:
        texts.append(_plain(message[root.body : root.end]))
    notice = (
        "\n".join(texts) if any(text.strip() for text in texts) else "\n".join(without_tags(page) for page in pages)
    )
    notice, header = split(notice[: MOST_TEXT * 2])
    found.notice = notice[:MOST_TEXT]
    found.returned = found.returned or header
    return found


def _collect(message: bytes, part: Part, found: View, texts: list[str], pages: list[str], *, top: bool) -> None:
    if part.type == "multipart":
        for child in part.parts:
            _collect(message, child, found, texts, pages, top=False)
    elif part.mime in _STATUS:
        found.status.append(_plain(mime.content(message, part)))
    elif part.mime == "message/feedback-report":
        found.feedback.append(_plain(mime.content(message, part)))
    elif part.mime in _RETURNED and not top:
        found.returned = found.returned or _header_of(mime.content(message, part))
    elif part.type == "text" and (top or part.disposition != "attachment" or part.subtype == "plain"):
        text = mime.text_of(message, part).replace("\r\n", "\n")
        (pages if part.subtype == "html" else texts).append(text)


def _plain(data: bytes) -> str:
    charset = "iso-2022-jp" if b"\x1b$" in data else "utf-8"
    return data.decode(charset, "replace").replace("\r\n", "\n")


def _header_of(data: bytes) -> bytes:
    return data[: headers.find_body(data)[0]]


def without_tags(page: str) -> str:
    """The text of an HTML page, a line a block, without empty lines. In linear time, whatever the page is."""
    text = _TAG.sub(lambda match: "\n" if _BREAKING.match(match[0]) else " ", _seen(page[: MOST_TEXT * 4]))
    lines = (" ".join(line.split()) for line in unescape(text).split("\n"))
    return "\n".join(line for line in lines if line)


def _seen(page: str) -> str:
    """The page without scripts, styles and head."""
    lower = page.lower()
    kept: list[str] = []
    at = 0
    open_ended: set[str] = set()
    for match in _UNSEEN.finditer(lower) if len(lower) == len(page) else ():
        if match.start() < at or match[1] in open_ended:
            continue
        end = lower.find(f"</{match[1]}", match.end())
        if end < 0:
            open_ended.add(match[1])
            continue
        kept.append(page[at : match.start()])
        at = end
    return "".join([*kept, page[at:]])


def split(text: str) -> tuple[str, bytes]:
    """(notice, header of the original message) of a text that holds both; the header may be empty."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if _FIELD.match(line) and _is_header(lines[index : index + 12]):
            return "\n".join(lines[:index]), _written(lines[index:])
        if index and line.strip() and _SEPARATOR.fullmatch(line):
            rest = lines[index + 1 :]
            while rest and not rest[0].strip():
                rest.pop(0)
            if not rest or _FIELD.match(rest[0]):
                return "\n".join(lines[:index]), _written(rest)
            if _BELOW.search(line) and any("@" in before for before in lines[:index]):
                return "\n".join(lines[:index]), b""
    return text, b""


def _is_header(lines: list[str]) -> bool:
    """At least three fields that messages have, before an empty line: a returned message begins here."""
    names: set[str] = set()
    for line in lines:
        if not line.strip():
            break
        match = _FIELD.match(line)
        if match is not None:
            names.add(match[0].lower().rstrip(": "))
        elif not line.startswith((" ", "\t")):
            break
    if names & _TRACES:
        return True
    return len(names) >= 3 and bool(names & _MUST)


def _written(lines: list[str]) -> bytes:
    end = next((index for index, line in enumerate(lines) if not line.strip()), len(lines))
    return ("\r\n".join(lines[:end]) + "\r\n").encode("utf-8", "surrogateescape")
