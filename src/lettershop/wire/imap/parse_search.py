"""SEARCH: a tree of keys. [pure]"""

from collections.abc import Callable

from lettershop.base.errors import ProtocolError
from lettershop.wire.imap.scan import MAX_MODSEQ, BadSyntax, Scanner
from lettershop.wire.imap.values import (
    FLAG_BITS,
    All,
    And,
    Contains,
    Day,
    HasFlag,
    ModSeq,
    Not,
    Numbers,
    Or,
    Recent,
    Search,
    SearchKey,
    Size,
    Within,
)

DEPTH = 50
"""How deep keys may be nested; a client's line must not decide how deep we recurse."""

_RETURNS = frozenset(("MIN", "MAX", "ALL", "COUNT", "SAVE"))


class BadCharset(ProtocolError):
    """The strings are in a charset that is not known; US-ASCII and UTF-8 are (RFC 9051 6.4.4)."""

    code = "bad-charset"


def search(scan: Scanner) -> Search:
    """SEARCH [RETURN (options)] [CHARSET c] key…"""
    returns = _returns(scan) if scan.data[scan.at : scan.at + 7].upper() == b"RETURN " else None
    if scan.data[scan.at : scan.at + 8].upper() == b"CHARSET ":
        scan.at += 8
        if scan.astring().upper() not in (b"US-ASCII", b"UTF-8"):
            raise BadCharset("Search strings may be in US-ASCII or UTF-8.")
        scan.space()
    keys = [_key(scan, DEPTH)]
    while scan.skip(b" "):
        keys.append(_key(scan, DEPTH))
    tree = keys[0] if len(keys) == 1 else And(tuple(keys))
    return Search(tree, returns, _uses_modseq(tree))


def _returns(scan: Scanner) -> frozenset[str]:
    scan.at += 7
    options = frozenset(scan.list(scan.word))
    if not options <= _RETURNS:
        raise BadSyntax("That option of RETURN is not known.")
    scan.space()
    return options or frozenset(("ALL",))  # RFC 9051 6.4.4: no option means ALL


def _key(scan: Scanner, depth: int) -> SearchKey:
    if not depth:
        raise BadSyntax("The search is nested too deeply.")
    if scan.next_is(b"("):
        return _group(scan, depth)
    first = scan.data[scan.at : scan.at + 1]
    if first.isdigit() or first in (b"*", b"$"):
        return Numbers(scan.set())
    name = scan.word()
    if name in _FIXED:
        return _FIXED[name]
    if name == "NOT":
        scan.space()
        return Not(_key(scan, depth - 1))
    if name == "OR":
        scan.space()
        left = _key(scan, depth - 1)
        scan.space()
        return Or(left, _key(scan, depth - 1))
    reader = _READERS.get(name)
    if reader is None:
        raise BadSyntax("That search key is not known.")
    scan.space()
    return reader(scan)


def _group(scan: Scanner, depth: int) -> SearchKey:
    keys = scan.list(lambda: _key(scan, depth - 1))
    if not keys:
        raise BadSyntax("An empty group finds nothing.")
    return keys[0] if len(keys) == 1 else And(keys)


def _header(scan: Scanner) -> SearchKey:
    name = scan.text()
    scan.space()
    return Contains("HEADER", scan.text(), name)


def _modseq(scan: Scanner) -> SearchKey:
    """RFC 7162 3.1.5: an entry name may stand before; every flag shares the message's modseq here."""
    if scan.next_is(b'"'):
        scan.string()
        scan.space()
        if scan.word() not in ("ALL", "PRIV", "SHARED"):
            raise BadSyntax("That kind of entry is not known.")
        scan.space()
    return ModSeq(scan.number(MAX_MODSEQ))


def _field(name: str) -> Callable[[Scanner], SearchKey]:
    return lambda scan: Contains("HEADER", scan.text(), name)


_SEEN, _ANSWERED, _FLAGGED, _DELETED, _DRAFT = FLAG_BITS.values()
_FIXED: dict[str, SearchKey] = {
    "ALL": All(),
    "ANSWERED": HasFlag(_ANSWERED), "UNANSWERED": Not(HasFlag(_ANSWERED)),
    "DELETED": HasFlag(_DELETED), "UNDELETED": Not(HasFlag(_DELETED)),
    "DRAFT": HasFlag(_DRAFT), "UNDRAFT": Not(HasFlag(_DRAFT)),
    "FLAGGED": HasFlag(_FLAGGED), "UNFLAGGED": Not(HasFlag(_FLAGGED)),
    "SEEN": HasFlag(_SEEN), "UNSEEN": Not(HasFlag(_SEEN)),
    "RECENT": Recent(), "OLD": Not(Recent()), "NEW": And((Recent(), Not(HasFlag(_SEEN)))),
}  # fmt: skip
_READERS: dict[str, Callable[[Scanner], SearchKey]] = {
    "KEYWORD": lambda scan: HasFlag(word=scan.flag()),
    "UNKEYWORD": lambda scan: Not(HasFlag(word=scan.flag())),
    "BODY": lambda scan: Contains("BODY", scan.text()),
    "TEXT": lambda scan: Contains("TEXT", scan.text()),
    "HEADER": _header,
    **{name: _field(name) for name in ("BCC", "CC", "FROM", "SUBJECT", "TO")},
    "BEFORE": lambda scan: Day("internal", "before", scan.day()),
    "ON": lambda scan: Day("internal", "on", scan.day()),
    "SINCE": lambda scan: Day("internal", "since", scan.day()),
    "SENTBEFORE": lambda scan: Day("sent", "before", scan.day()),
    "SENTON": lambda scan: Day("sent", "on", scan.day()),
    "SENTSINCE": lambda scan: Day("sent", "since", scan.day()),
    "YOUNGER": lambda scan: Within(scan.number(), older=False),
    "OLDER": lambda scan: Within(scan.number(), older=True),
    "LARGER": lambda scan: Size(scan.number(MAX_MODSEQ), larger=True),
    "SMALLER": lambda scan: Size(scan.number(MAX_MODSEQ), larger=False),
    "MODSEQ": _modseq,
    "UID": lambda scan: Numbers(scan.set(), uid=True),
}


def _uses_modseq(key: SearchKey) -> bool:
    match key:
        case ModSeq():
            return True
        case Not(inner):
            return _uses_modseq(inner)
        case Or(left, right):
            return _uses_modseq(left) or _uses_modseq(right)
        case And(keys):
            return any(map(_uses_modseq, keys))
    return False
