"""Authentication-Results (RFC 8601): composed, parsed, and taken out where somebody forged ours. [pure]

field = compose("mx.b.example", [Result("spf", "pass", (Property("smtp", "mailfrom", "a@b.example"),))])
message = without_forged(message, "mx.b.example") before it is put on top
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lettershop.base.errors import Invalid
from lettershop.wire.message import headers

_TOKEN = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z/@:-]+")
_LEXEME = re.compile(r'\s+|"((?:[^"\\]|\\.)*)"|([;=])|([^\s;="()]+)')
_UNSAFE = re.compile(r"[^ -~]")


class BadField(Invalid):
    """A value that is no Authentication-Results field."""

    code = "authentication-results"


@dataclass(frozen=True, slots=True)
class Property:
    """ptype.name=value, such as header.d=b.example (RFC 8601 2.3)."""

    ptype: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result."""

    method: str
    result: str
    properties: tuple[Property, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """A whole field: who says it, and what."""

    authserv_id: str
    results: tuple[Result, ...]


def compose(authserv_id: str, results: Sequence[Result]) -> str:
    """The field with its CRLF, a line per method."""
    parts = [_written(result) for result in results] or ["none"]
    return f"Authentication-Results: {_value(authserv_id)};\r\n\t" + ";\r\n\t".join(parts) + "\r\n"


def _written(result: Result) -> str:
    reason = f" reason={_quoted(result.reason)}" if result.reason else ""
    items = [f"{result.method}={result.result}{reason}"]
    items += [f"{p.ptype}.{p.name}={_value(p.value)}" for p in result.properties if p.value]
    lines, width = [items[0]], len(items[0])
    for item in items[1:]:
        fold = width + len(item) > 70
        lines.append(("\r\n\t " if fold else " ") + item)
        width = len(item) if fold else width + len(item) + 1
    return "".join(lines)


def _value(text: str) -> str:
    """RFC 8601 2.2 pvalue: as it is if that is safe, else quoted; what a sender wrote never breaks the line."""
    return text if _TOKEN.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    safe = _UNSAFE.sub("?", text)[:300].replace("\\", "\\\\").replace('"', '\\"')
    return f'"{safe}"'


def parse(value: str) -> Results:
    """The unfolded value of a field. Raises BadField."""
    tokens = _tokens(value)
    if not tokens or tokens[0].mark:
        raise BadField("no authserv-id")
    groups: list[list[_Token]] = [[]]
    for token in tokens[1:]:
        if token.mark and token.text == ";":
            groups.append([])
        else:
            groups[-1].append(token)
    said = [group for group in groups[1:] if group and [token.text for token in group] != ["none"]]
    return Results(tokens[0].text, tuple(_result(group) for group in said))


@dataclass(frozen=True, slots=True)
class _Token:
    """A word or quoted string; `mark`: one of ; and = outside quotes."""

    text: str
    mark: bool = False


def _tokens(value: str) -> list[_Token]:
    """Words, quoted strings and the marks ; and =, comments left out."""
    value = _without_comments(value)
    tokens: list[_Token] = []
    at = 0
    while at < len(value):
        match = _LEXEME.match(value, at)
        if match is None:
            raise BadField("not well formed")
        at = match.end()
        if match[1] is not None:
            tokens.append(_Token(re.sub(r"\\(.)", r"\1", match[1])))
        elif match[2] or match[3]:
            tokens.append(_Token(match[2] or match[3], mark=bool(match[2])))
    return tokens


def _without_comments(value: str) -> str:
    """Comments nest; parentheses in quoted strings are none."""
    out: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in value:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"' and depth == 0:
            quoted = not quoted
        elif character == "(" and not quoted:
            depth += 1
        elif character == ")" and depth and not quoted:
            depth -= 1
            continue
        if depth == 0:
            out.append(character)
    return "".join(out)


def _result(tokens: list[_Token]) -> Result:
    pairs = _pairs(tokens)
    method, result = pairs[0]
    reason = "".join(value for name, value in pairs[1:] if name == "reason")
    properties = tuple(_property(name, value) for name, value in pairs[1:] if "." in name)
    return Result(method.partition("/")[0].strip().lower(), result.lower(), properties, reason)


def _property(name: str, value: str) -> Property:
    ptype, _, rest = name.partition(".")
    return Property(ptype.lower(), rest.lower(), value)


def _pairs(tokens: list[_Token]) -> list[tuple[str, str]]:
    """name = value; several in a row. A version after the method or id is passed over (RFC 8601 2.2)."""
    pairs: list[tuple[str, str]] = []
    for index, token in enumerate(tokens):
        if token.mark and 0 < index < len(tokens) - 1:
            pairs.append((tokens[index - 1].text, tokens[index + 1].text))
    if not pairs:
        raise BadField("no result")
    return pairs


def without_forged(message: bytes, authserv_id: str) -> bytes:
    """The message without fields that claim to be ours (RFC 8601 5). What cannot be read is taken out, too."""
    kept: list[bytes] = []
    at = 0
    for field in headers.parse(message).all("Authentication-Results"):
        if _claims(field.value, authserv_id):
            kept.append(message[at : field.start])
            at = field.end
    return b"".join([*kept, message[at:]]) if kept else message


def _claims(value: str, authserv_id: str) -> bool:
    try:
        return parse(value).authserv_id.lower() == authserv_id.lower()
    except BadField:
        return True
