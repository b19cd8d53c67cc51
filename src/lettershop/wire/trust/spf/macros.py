"""Macro strings of SPF (RFC 7208 7): parsed into pieces, expanded with the values of a check. [pure]"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from lettershop.base.errors import Invalid

_PIECE = re.compile(r"%\{([slodiphcrtv])(\d*)(r?)([.\-+,/_=]*)\}|%([%_-])|([!-$&-~ ]+)", re.IGNORECASE)
_TOP = re.compile(r"\.(?:[a-z0-9]*[a-z][a-z0-9]*|[a-z0-9]+-[a-z0-9-]*[a-z0-9])\.?\Z", re.IGNORECASE)
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}
_LONGEST = 253


class BadRecord(Invalid):
    """The record, or a macro in it, is not well formed: permerror."""

    code = "spf-record"


@dataclass(frozen=True, slots=True)
class Macro:
    """%{letter digits r delimiters}. `keep` 0 keeps all parts; a capital letter wants URL escapes."""

    letter: str
    keep: int
    reverse: bool
    delimiters: str

    def apply(self, value: str) -> str:
        """RFC 7208 7.3: split, reverse, keep the right-most, join with dots."""
        parts = re.split("[" + re.escape(self.delimiters or ".") + "]", value)
        if self.reverse:
            parts.reverse()
        text = ".".join(parts[-self.keep :])
        return quote(text, safe="~") if self.letter.isupper() else text


MacroString = tuple[str | Macro, ...]


def parse(text: str, *, explaining: bool = False) -> MacroString:
    """A macro-string. `explaining`: blanks and the letters c, r, t are allowed (RFC 7208 6.2). Raises BadRecord."""
    pieces: list[str | Macro] = []
    at = 0
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None:
            raise BadRecord("a macro is not well formed")
        pieces.append(_piece(match, explaining=explaining))
        at = match.end()
    return tuple(pieces)


def _piece(match: re.Match[str], *, explaining: bool) -> str | Macro:
    if match[6] is not None:
        if " " in match[6] and not explaining:
            raise BadRecord("a blank in a macro string")
        return match[6]
    if match[5] is not None:
        return _ESCAPES[match[5]]
    if match[1].lower() in "crt" and not explaining:
        raise BadRecord(f"macro {match[1]} is for explanations only")
    if match[2] and int(match[2]) == 0:
        raise BadRecord("a macro keeps no part")  # RFC 7208 7.1
    return Macro(match[1], int(match[2] or 0), bool(match[3]), match[4])


def parse_domain(text: str) -> MacroString:
    """A domain-spec: a macro string that ends in a macro or in a name with a dot (RFC 7208 7.1). Raises BadRecord."""
    pieces = parse(text)
    if not pieces or (not text.endswith("}") and _TOP.search(text) is None):
        raise BadRecord(f"{text or 'nothing'} is no domain")
    if text.endswith("}") and isinstance(pieces[-1], str):
        raise BadRecord(f"{text} is no domain")
    return pieces


def wants(pieces: MacroString, letter: str) -> bool:
    """Whether a macro of this letter stands in it."""
    return any(isinstance(piece, Macro) and piece.letter.lower() == letter for piece in pieces)


def expand(pieces: MacroString, values: Mapping[str, str]) -> str:
    """The string with every macro replaced; `values` by lower-case letter."""
    return "".join(
        piece if isinstance(piece, str) else piece.apply(values.get(piece.letter.lower(), "")) for piece in pieces
    )


def as_domain(text: str) -> str:
    """An expanded domain-spec: no final dot, and labels dropped from the left until it fits (RFC 7208 7.3)."""
    text = text.removesuffix(".")
    while len(text) > _LONGEST and "." in text:
        text = text.partition(".")[2]
    return text
