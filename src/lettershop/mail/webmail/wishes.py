"""The words of a search field as keys of SEARCH (RFC 9051 6.4.4). [pure]

from:ann "spring sale" is:unread since:2026-01-31      all of them must fit; a word alone is looked for everywhere
"""

import re
from collections.abc import Callable
from datetime import date

from lettershop.wire.imap.scan import EPOCH
from lettershop.wire.imap.values import FLAG_BITS, And, Contains, Day, HasFlag, Not, SearchKey

MOST = 10
"""Words of one search."""

_WORD = re.compile(r'(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))', re.IGNORECASE)
_STATES: dict[str, SearchKey] = {
    "unread": Not(HasFlag(FLAG_BITS["\\seen"])), "read": HasFlag(FLAG_BITS["\\seen"]),
    "flagged": HasFlag(FLAG_BITS["\\flagged"]), "answered": HasFlag(FLAG_BITS["\\answered"]),
}  # fmt: skip


def wish(words: str) -> SearchKey | None:
    """The key, or None where nothing is asked."""
    keys = [_key(match) for match in list(_WORD.finditer(words))[:MOST]]
    return And(tuple(keys)) if keys else None


def _key(match: re.Match[str]) -> SearchKey:
    prefix, value = (match[1] or "").lower(), match[2] if match[2] is not None else match[3]
    made = _PREFIXES[prefix](value) if prefix in _PREFIXES else None
    return made or Contains("TEXT", match[0].strip('"') if prefix else value)


def _header(name: str) -> Callable[[str], SearchKey | None]:
    return lambda value: Contains("HEADER", value, name)


def _day(relation: str) -> Callable[[str], SearchKey | None]:
    def made(value: str) -> SearchKey | None:
        try:
            day = date.fromisoformat(value).toordinal() - EPOCH
        except ValueError:
            return None
        return Day("internal", "before" if relation == "before" else "since", day)

    return made


_PREFIXES: dict[str, Callable[[str], SearchKey | None]] = {
    "from": _header("from"), "to": _header("to"), "cc": _header("cc"), "subject": _header("subject"),
    "is": lambda value: _STATES.get(value.lower()),
    "has": lambda value: Contains("HEADER", "multipart/mixed", "content-type") if value.lower() == "file" else None,
    "since": _day("since"), "before": _day("before"),
}  # fmt: skip
