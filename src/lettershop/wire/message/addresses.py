"""Address lists of header fields (RFC 5322 3.4 and its obsolete forms), read leniently, and message identifiers. [pure]

    parse('"Doe, Jane" <jane@b.example>, friends: a@b.example;')
    == (Mailbox("Doe, Jane", "jane", "b.example"), Group("friends", (Mailbox("", "a", "b.example"),)))

Names keep their encoded words: IMAP sends them so. `Mailbox.display` is for people.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lettershop.wire.message.words import decode

_TOKEN = re.compile(r'(\s+)|("(?:[^"\\]|\\.)*"?)|(\[[^\]]*\]?)|([<>@,;:()])|([^\s"()<>@,;:\[]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address. `name` as written, unquoted, encoded words kept; `local` without quotes; `domain` may be empty."""

    name: str
    local: str
    domain: str
    route: str = ""

    @property
    def address(self) -> str:
        """local@domain."""
        return f"{self.local}@{self.domain}" if self.domain else self.local

    @property
    def display(self) -> str:
        """The name for people, decoded; empty if there is none."""
        return decode(self.name)


@dataclass(frozen=True, slots=True)
class Group:
    """A named list of addresses, like "undisclosed-recipients:;"."""

    name: str
    members: tuple[Mailbox, ...]


Entry = Mailbox | Group


LONGEST = 131_072
"""Characters of a field that are read: some four thousand addresses, a fifth of a second."""


def parse(value: str) -> tuple[Entry, ...]:
    """Every mailbox and group of a field's unfolded value; nonsense between them is left out.

    What stands behind the first `LONGEST` characters is not read: a stranger's field must not hold the server up.
    """
    return tuple(_entries(list(_tokens(value[:LONGEST]))))


def mailboxes(value: str) -> tuple[Mailbox, ...]:
    """The mailboxes alone, those in groups too."""
    found: list[Mailbox] = []
    for entry in parse(value):
        found.extend(entry.members if isinstance(entry, Group) else (entry,))
    return tuple(found)


def message_ids(value: str) -> tuple[str, ...]:
    """The identifiers in a Message-ID, In-Reply-To or References field, without the brackets."""
    return tuple(match[1] for match in _MESSAGE_ID.finditer(value))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # word, quoted, literal, comment, or the special character itself
    text: str
    spaced: bool  # white space stands before it


def _tokens(value: str) -> Iterator[_Token]:
    at, spaced = 0, False
    while at < len(value):
        match = _TOKEN.match(value, at)
        if match is None:
            return
        at = match.end()
        if match[1]:
            spaced = True
            continue
        if match[4] == "(":
            text, at = _comment(value, at)
            yield _Token("comment", text, spaced)
        elif match[4]:
            yield _Token(match[4], match[4], spaced)
        elif match[2]:
            yield _Token("quoted", _unquoted(match[2]), spaced)
        else:
            yield _Token("literal" if match[3] else "word", match[0], spaced)
        spaced = False


def _comment(value: str, at: int) -> tuple[str, int]:
    """The text of a comment (they nest) and what follows it."""
    depth, start = 1, at
    while at < len(value):
        if value[at] == "\\":
            at += 1
        elif value[at] == "(":
            depth += 1
        elif value[at] == ")":
            depth -= 1
            if depth == 0:
                return _ESCAPED.sub(r"\1", value[start:at]), at + 1
        at += 1
    return value[start:at], at


def _unquoted(text: str) -> str:
    inner = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


def _entries(tokens: list[_Token]) -> Iterator[Entry]:
    held: list[_Token] = []
    group: str | None = None
    members: list[Mailbox] = []
    angle = False
    for token in [*tokens, _Token(",", ",", False)]:
        if angle or token.kind not in (",", ";", ":"):
            angle = token.kind == "<" or (angle and token.kind != ">")
            held.append(token)
            continue
        if token.kind == ":" and group is None:
            group, held = _phrase(held), []
            continue
        mailbox = _mailbox(held)
        held = []
        if group is None:
            if mailbox is not None:
                yield mailbox
            continue
        members += [mailbox] if mailbox is not None else []
        if token.kind == ";":
            yield Group(group, tuple(members))
            group, members = None, []
    if group is not None:  # the semicolon is missing
        yield Group(group, tuple(members))
    elif angle:  # the bracket is missing: what is inside is still an address
        mailbox = _mailbox(held[:-1])
        if mailbox is not None:
            yield mailbox


def _mailbox(tokens: list[_Token]) -> Mailbox | None:
    opening = next((i for i, token in enumerate(tokens) if token.kind == "<"), None)
    if opening is not None:
        closing = next((i for i, token in enumerate(tokens) if token.kind == ">" and i > opening), len(tokens))
        return _addr_spec(tokens[opening + 1 : closing], _phrase(tokens[:opening]))
    comments = [token.text for token in tokens if token.kind == "comment"]
    return _addr_spec(tokens, comments[-1].strip() if comments else "")


def _addr_spec(tokens: list[_Token], name: str) -> Mailbox | None:
    tokens = [token for token in tokens if token.kind not in ("comment", "<", ">")]
    route = ""
    colon = next((i for i, token in enumerate(tokens) if token.kind == ":"), None)
    if colon is not None and tokens[0].kind in ("@", ","):  # RFC 5322 4.4: an obsolete route
        route, tokens = "".join(token.text for token in tokens[:colon]), tokens[colon + 1 :]
    at = next((i for i in reversed(range(len(tokens))) if tokens[i].kind == "@"), None)
    if at is None:
        local = "".join((" " if t.spaced and i else "") + t.text for i, t in enumerate(tokens))
        return Mailbox(name, local, "", route) if local or name else None
    local = "".join(token.text for token in tokens[:at])
    domain = "".join(token.text for token in tokens[at + 1 :])
    return Mailbox(name, local, domain, route)


def _phrase(tokens: list[_Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.kind == "comment":
            continue
        parts.append((" " if parts and token.spaced else "") + token.text)
    return "".join(parts)
