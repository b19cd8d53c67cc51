"""LIST, LSUB and STATUS. [pure]"""

from lettershop.wire.imap.scan import BadSyntax, Scanner
from lettershop.wire.imap.values import List, Status

STATUS_ITEMS = frozenset((
    "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "APPENDLIMIT",
))  # fmt: skip
_SELECT = frozenset(("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"))
_RETURN = frozenset(("SUBSCRIBED", "CHILDREN", "SPECIAL-USE"))


def list_(scan: Scanner) -> List:
    """LIST [(select options)] reference pattern|(patterns) [RETURN (options)], RFC 9051 6.3.9."""
    select = _select(scan) if scan.next_is(b"(") else None
    reference = scan.astring()
    scan.space()
    several = scan.next_is(b"(")
    patterns = scan.list(scan.pattern) if several else (scan.pattern(),)
    returns: list[str] = []
    status: tuple[str, ...] = ()
    extended = select is not None or several or not scan.done()
    if scan.skip(b" "):
        if scan.word() != "RETURN":
            raise BadSyntax("Expected RETURN.")
        scan.space()
        for option in scan.list(lambda: _return(scan)):
            if isinstance(option, str):
                returns.append(option)
            else:
                status = option
    return List(reference, patterns, select or frozenset(), frozenset(returns), status, extended)


def lsub(scan: Scanner) -> List:
    """LSUB reference pattern."""
    reference = scan.astring()
    scan.space()
    return List(reference, (scan.pattern(),))


def status(scan: Scanner) -> Status:
    """STATUS mailbox (items)."""
    name = scan.astring()
    scan.space()
    return Status(name, _items(scan))


def _items(scan: Scanner) -> tuple[str, ...]:
    items = scan.list(scan.word)
    if not items or not STATUS_ITEMS.issuperset(items):
        raise BadSyntax("STATUS needs items that it knows.")
    return tuple(dict.fromkeys(items))


def _select(scan: Scanner) -> frozenset[str]:
    options = frozenset(scan.list(scan.word))
    scan.space()
    if not options <= _SELECT:
        raise BadSyntax("That selection option of LIST is not known.")
    if "RECURSIVEMATCH" in options and not options & {"SUBSCRIBED", "SPECIAL-USE"}:
        raise BadSyntax("RECURSIVEMATCH needs an option to match.")  # RFC 9051 6.3.9.1
    return options


def _return(scan: Scanner) -> str | tuple[str, ...]:
    word = scan.word()
    if word == "STATUS":
        scan.space()
        return _items(scan)
    if word not in _RETURN:
        raise BadSyntax("That return option of LIST is not known.")
    return word
