"""A complete command -> a `Command`. [pure]

    parse(b"a1 SELECT INBOX")                                   -> Command("a1", "SELECT", Mailbox(b"INBOX"))
    parse(b"a2 LOGIN {3}\\r\\n secret", [b"ann"])                 -> Command("a2", "LOGIN", Login("ann", "secret"))

`COMMANDS` is the table of what is understood; whether a command is allowed now is the server's business.
"""

import re
from collections.abc import Callable, Sequence

from lettershop.wire.imap import parse_fetch, parse_list, parse_search
from lettershop.wire.imap.scan import BadSyntax, Scanner
from lettershop.wire.imap.values import (
    Append,
    Arguments,
    Authenticate,
    Command,
    Copy,
    Expunge,
    Flags,
    Login,
    Mailbox,
    NewMessage,
    Nothing,
    Rename,
    Words,
)

TAG = re.compile(rb'[^\x00-\x20(){%*"\\\x7f-\xff+]+')  # RFC 9051 9: any ASTRING-CHAR but "+"
_NAME = re.compile(rb"[A-Za-z]+")
_INITIAL = re.compile(rb"[A-Za-z0-9+/]*=*")
_MECHANISM = re.compile(rb"[A-Za-z0-9_-]+")


class UnknownCommand(BadSyntax):
    """There is no such command."""

    code = "unknown-command"


def tag_of(data: bytes) -> str:
    """The tag at the beginning, "" if there is none: for the answer to a command that cannot be read."""
    found = TAG.match(data)
    return found.group().decode("ascii") if found else ""


def name_of(data: bytes) -> str:
    """The command's name in capitals without UID, "" if there is none."""
    words = data[:64].upper().split(b" ", 3)[1:3]
    if words and words[0] == b"UID":
        words = words[1:]
    return words[0].strip().decode("latin-1") if words else ""


def parse(data: bytes, literals: Sequence[bytes] = ()) -> Command:
    """A command without its last line end. Raises BadSyntax, UnknownCommand, BadCharset."""
    scan = Scanner(data, literals)
    tag = scan.take(TAG, "a tag").decode("ascii")
    scan.space()
    name = scan.take(_NAME, "a command").decode("ascii").upper()
    uid = name == "UID"
    if uid:
        scan.space()
        name = scan.take(_NAME, "a command").decode("ascii").upper()
    reader = (UID_COMMANDS if uid else COMMANDS).get(name)
    if reader is None:
        raise UnknownCommand("There is no such command.")
    if reader is not nothing:
        scan.space()
    arguments = reader(scan)
    scan.end()
    return Command(tag, name, arguments, uid)


def nothing(scan: Scanner) -> Nothing:
    """No arguments."""
    return Nothing()


def _login(scan: Scanner) -> Login:
    user = scan.text()
    scan.space()
    return Login(user, scan.text())


def _authenticate(scan: Scanner) -> Authenticate:
    mechanism = scan.take(_MECHANISM, "a mechanism").decode("ascii").upper()
    if not scan.skip(b" "):
        return Authenticate(mechanism)
    return Authenticate(mechanism, scan.take(_INITIAL, "base64"))  # RFC 9051 6.2.2; "=" is an empty response


def _enable(scan: Scanner) -> Words:
    words = [scan.word()]
    while scan.skip(b" "):
        words.append(scan.word())
    return Words(tuple(words))


def _id(scan: Scanner) -> Words:
    """RFC 2971: NIL or pairs of strings; whatever they say, they only go to the log."""
    if scan.data[scan.at : scan.at + 3].upper() == b"NIL":
        scan.at += 3
        return Words(())
    pairs = scan.list(scan.nstring)
    return Words(tuple((value or b"").decode("utf-8", "replace") for value in pairs))


def _mailbox(scan: Scanner) -> Mailbox:
    return Mailbox(scan.astring())


def _select(scan: Scanner) -> Mailbox:
    name = scan.astring()
    if scan.done():
        return Mailbox(name)
    scan.space()
    options = scan.list(scan.word)
    if any(option != "CONDSTORE" for option in options):  # RFC 7162 3.1.8
        raise BadSyntax("That option of SELECT is not known.")
    return Mailbox(name, condstore="CONDSTORE" in options)


def _create(scan: Scanner) -> Mailbox:
    """RFC 6154 3: CREATE name (USE (\\Sent))."""
    name = scan.astring()
    if scan.done():
        return Mailbox(name)
    scan.need(b" (")
    if scan.word() != "USE":
        raise BadSyntax("That option of CREATE is not known.")
    scan.space()
    uses = scan.list(scan.flag)
    scan.need(b")")
    return Mailbox(name, special_use=" ".join(uses))


def _rename(scan: Scanner) -> Rename:
    old = scan.astring()
    scan.space()
    return Rename(old, scan.astring())


def _append(scan: Scanner) -> Append:
    name = scan.astring()
    messages: list[NewMessage] = []
    while not messages or not scan.done():
        scan.space()
        flags, at = Flags(), None
        if scan.next_is(b"("):
            flags = scan.flags()
            scan.space()
        if scan.next_is(b'"'):
            at = scan.moment()
            scan.space()
        data, binary = scan.literal()
        messages.append(NewMessage(data, flags, at, binary))
    return Append(name, tuple(messages))


def _copy(scan: Scanner) -> Copy:
    numbers = scan.set()
    scan.space()
    return Copy(numbers, scan.astring())


def _uid_expunge(scan: Scanner) -> Expunge:
    return Expunge(scan.set())


Reader = Callable[[Scanner], Arguments]
_BOTH: dict[str, Reader] = {
    "COPY": _copy, "MOVE": _copy, "FETCH": parse_fetch.fetch, "STORE": parse_fetch.store, "SEARCH": parse_search.search,
}  # fmt: skip
COMMANDS: dict[str, Reader] = {
    **dict.fromkeys(("CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "NAMESPACE", "IDLE", "CHECK", "CLOSE", "UNSELECT"), nothing),
    "LOGIN": _login, "AUTHENTICATE": _authenticate, "ENABLE": _enable, "ID": _id,
    "SELECT": _select, "EXAMINE": _select, "CREATE": _create, "DELETE": _mailbox, "RENAME": _rename,
    "SUBSCRIBE": _mailbox, "UNSUBSCRIBE": _mailbox, "LIST": parse_list.list_, "LSUB": parse_list.lsub,
    "STATUS": parse_list.status, "APPEND": _append, "EXPUNGE": nothing, **_BOTH,
}  # fmt: skip
UID_COMMANDS: dict[str, Reader] = {**_BOTH, "EXPUNGE": _uid_expunge}
