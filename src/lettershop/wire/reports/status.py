"""Delivery-status fields (RFC 3464 2), in a part of their own or loose in a text. [pure]

Read leniently: groups without an empty line between them, fields that miss, an address without its type.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from lettershop.wire.reports import phrases
from lettershop.wire.reports.values import Action, Recipient, Stage

ADDRESS = re.compile(
    r'(?:"[^"\s]{1,64}"|[^\s<>()\[\]:;,"@|\u00ab\u00bb\u2018-\u201f\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff5b-\uff65]{1,120})'
    r"@(?:[\w-]{1,63}\.)+(?:[A-Za-z][A-Za-z0-9-]*|[0-9]{1,3}(?![\w.])|[^\W\x00-\x7f]+)"
)
STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
CODE = re.compile(r"(?<![\d.\w#/=-])([245]\d\d)(?=[\s:;,-]|$)")

_TOGETHER = re.compile(r"(?<![\d.])([45]\d\d)[\s-]+[^\w\s]{0,2}([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_STAGES: tuple[tuple[Stage, str], ...] = (
    (
        "dot",
        r"end of data|final data|after data|in reply to data|\[data\]|(?:data|text|bdat) command|>>> (?:data|bdat|\.)",
    ),
    ("rcpt", r"rcpt[ _]to|rcpt command|rejected recipient"),
    ("mail", r"mail[ _]from"),
    ("connect", r"initial connection|greeting"),
)
_COMMANDS = tuple((stage, re.compile(pattern, re.IGNORECASE)) for stage, pattern in _STAGES)

_PIPELINED = re.compile(r"<<< 503|no valid recipients", re.IGNORECASE)
_FIELD = re.compile(
    r"[ \t]*(original-recipient|final-recipient|action|status|remote-mta|diagnostic-code|x-actual-recipient|"
    r"reporting-mta|last-attempt-date|will-retry-until|arrival-date|received-from-mta|dsn-gateway|final-log-id|"
    r"original-envelope-id|x-[\w-]+)[ \t]*:(.*)",
    re.IGNORECASE,
)
_ACTIONS: dict[str, Action] = {
    "failed": "failed", "failure": "failed", "fail": "failed", "delayed": "delayed", "delay": "delayed",
    "delivered": "delivered", "relayed": "relayed", "expanded": "expanded",
}  # fmt: skip
_PER_RECIPIENT = frozenset(
    {"original-recipient", "final-recipient", "action", "status", "diagnostic-code", "x-actual-recipient"}
)
_WORD = re.compile(r"[a-z]+")
_ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")

Fields = dict[str, str]


def parse(text: str) -> list[Recipient]:
    """The recipients of a delivery-status text, in order; groups that name nobody are left out."""
    return [recipient for group in groups(text.split("\n")) if (recipient := _recipient(group)) is not None]


def is_field(line: str) -> bool:
    """Whether a line of a text is a delivery-status field."""
    return _FIELD.match(line) is not None


def groups(lines: list[str]) -> Iterator[Fields]:
    """The fields, recipient by recipient; those of the message stand in the first group."""
    group: Fields = {}
    name = ""
    for line in lines:
        match = _FIELD.match(line)
        if match is None:
            if name and line[:1] in (" ", "\t") and line.strip():
                group[name] = f"{group[name]} {line.strip()}"
                continue
            name = ""
            if not line.strip() and _complete(group):
                yield group
                group = {}
            continue
        name = match[1].lower()
        if name in group and name in _PER_RECIPIENT:
            yield group
            group = {}
        group.setdefault(name, "")
        group[name] = f"{group[name]} {match[2].strip()}".strip()
    if group:
        yield group


def _complete(group: Fields) -> bool:
    named = "final-recipient" in group or "original-recipient" in group
    return named and bool(group.keys() & {"action", "status", "diagnostic-code"})


def refined(recipient: Recipient, words: str) -> Recipient:
    """The recipient with what its words tell better than its fields: code, status, stage.

    A status beside the reply code is the remote server's own; the Status field may be the reporter's guess.
    """
    together = _TOGETHER.search(words)
    status = recipient.status
    if together is not None and not (together[2].endswith(".0.0") and status):
        status = together[2]
    elif not status or status.endswith(".0.0"):
        status = status_in(words) or status or phrases.status_of(words)
    return replace(
        recipient, code=recipient.code or code_in(words), status=status, stage=recipient.stage or stage_in(words)
    )  # fmt: skip


def stage_in(text: str) -> Stage:
    """Which command was answered, as far as a text tells."""
    return next((stage for stage, pattern in _COMMANDS if pattern.search(text)), "")


def stage_in_transcript(lines: list[str]) -> Stage:
    """The command (">>> ") before the first answer ("<<< ") that refuses.

    A client that pipelines has said DATA when RCPT is refused; then the server has no recipient left, and says so.
    """
    command = ""
    for index, line in enumerate(lines):
        text = line.strip()
        if text.startswith(">>> "):
            command = text
        elif text.startswith(("<<< 4", "<<< 5")):
            stage = stage_in(command)
            return "rcpt" if stage == "dot" and _PIPELINED.search("\n".join(lines[index : index + 6])) else stage
    return ""


def _recipient(group: Fields) -> Recipient | None:
    final, original = address_of(group.get("final-recipient", "")), address_of(group.get("original-recipient", ""))
    if not group.keys() & {"final-recipient", "original-recipient"} or not group.keys() & {
        "action",
        "status",
        "diagnostic-code",
    }:
        return None
    kind, _, words = group.get("diagnostic-code", "").partition(";")
    diagnostic = words.strip() or (kind if " " in kind.strip() else "")
    status = STATUS.search(group.get("status", ""))
    if "." not in final.partition("@")[2] and "@" in original:  # an X.400 name, or a user of the last host
        final = original
    return Recipient(
        address=final or original, action=_action(group.get("action", "")), status=status[1] if status else "",
        code=code_in(diagnostic), diagnostic=diagnostic, original=original if original != final else "",
        remote=group.get("remote-mta", "").partition(";")[2].strip(),
    )  # fmt: skip


def _action(text: str) -> Action:
    word = _WORD.search(text.lower())
    return _ACTIONS.get(word[0], "") if word else ""


def address_of(value: str) -> str:
    """The address in "rfc822; <a@b.example>" (RFC 3464 2.1.2); utf-8 addresses are unescaped (RFC 6533 3)."""
    kind, semicolon, rest = value.partition(";")
    text = rest.strip() if semicolon else value.strip()
    if kind.strip().lower() == "utf-8":
        text = _ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), text)
    found = ADDRESS.search(text)
    return found[0].rstrip(".") if found else text.strip("<> \t'\"")[:200]


def code_in(text: str) -> int:
    """The first SMTP reply code of a failure in a text, one with a status beside it before others; 0 if there is none."""
    together = _TOGETHER.search(text)
    if together is not None:
        return int(together[1])
    return next((int(match[1]) for match in CODE.finditer(text) if match[1][0] in "45"), 0)


def status_in(text: str) -> str:
    """The first enhanced status code of a failure in a text; empty if there is none."""
    return next((match[1] for match in STATUS.finditer(text) if match[1][0] in "45"), "")
