"""Command lines to values, and message data to and from its wire form. [pure]

What lives here: RFC 5321 4.1 commands, the parameters of RFC 1870, 6152, 6531, 3461, 4954, dot-stuffing (4.5.2).
What must not: what is allowed when (that is the table in `server`).
"""

import re
from dataclasses import dataclass

from lettershop.base.errors import ProtocolError
from lettershop.wire.address import Address, InvalidAddress, parse_path
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import MailFrom, RcptTo
from lettershop.wire.smtp.replies import Reply

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")  # RFC 5321 4.1.2: esmtp-keyword
_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 4
_CHUNK = re.compile(r"([0-9]{1,18})( +LAST)?", re.IGNORECASE)
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_ORCPT = re.compile(r"[A-Za-z0-9-]+;.+")
_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})


class BadCommand(ProtocolError):
    """The command cannot be carried out as written; `reply` says why."""

    code = "bad-command"

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Announced:
    """Which parameters MAIL and RCPT may have, as far as that differs between servers."""

    max_size: int
    dsn: bool
    login: bool


def split_command(line: bytes) -> tuple[str, str]:
    """A line with its end into (VERB, argument). Raises BadCommand."""
    if not line.endswith(b"\r\n"):
        raise BadCommand(replies.BARE_LF)  # RFC 5321 2.3.8: only CR LF ends a line
    if b"\r" in line[:-2] or b"\0" in line:
        raise BadCommand(replies.NOT_TEXT)
    try:
        text = line.decode("utf-8").rstrip(" \t\r\n")
    except UnicodeDecodeError:
        raise BadCommand(replies.NOT_TEXT) from None
    verb, _, argument = text.partition(" ")
    return verb.upper(), argument.lstrip(" ")


def parse_hello(argument: str) -> str:
    """The name a client gives itself. Raises BadCommand."""
    if not argument or " " in argument or len(argument) > 255:
        raise BadCommand(replies.BAD_ARGUMENTS)
    return argument


def parse_mail(argument: str, announced: Announced, *, require_tls: bool = False) -> MailFrom:
    """The argument of MAIL; `require_tls`: it may have the parameter REQUIRETLS. Raises BadCommand."""
    address, parameters = _path(argument, "FROM:", replies.BAD_SENDER)
    smtputf8 = "SMTPUTF8" in parameters
    body = parameters.pop("BODY", "7BIT").upper()
    size = parameters.pop("SIZE", "0")
    if parameters.pop("SMTPUTF8", ""):  # RFC 6531 3.4: it has no value
        raise BadCommand(replies.BAD_PARAMETER)
    if address is not None and not address.domain:
        raise BadCommand(replies.BAD_SENDER)
    if address is not None and address.needs_smtputf8 and not smtputf8:
        raise BadCommand(replies.NEEDS_SMTPUTF8)
    if body not in ("7BIT", "8BITMIME") or _SIZE.fullmatch(size) is None:
        raise BadCommand(replies.BAD_PARAMETER)
    if int(size) > announced.max_size:
        raise BadCommand(replies.TOO_BIG)  # RFC 1870 6.1: refused before it is sent
    if announced.login:
        parameters.pop("AUTH", None)  # RFC 4954 5: may be ignored, must be understood
    ret, envid = _mail_dsn(parameters) if announced.dsn else ("", "")
    tls = "require" if require_tls and "REQUIRETLS" in parameters else ""
    if tls and parameters.pop("REQUIRETLS"):  # RFC 8689 2: it has no value
        raise BadCommand(replies.BAD_PARAMETER)
    if parameters:
        raise BadCommand(replies.BAD_PARAMETER)
    return MailFrom(address, int(size), smtputf8, body == "8BITMIME", ret, envid, tls)


def parse_rcpt(argument: str, announced: Announced, *, smtputf8: bool, hostname: str) -> RcptTo:
    """The argument of RCPT; "<postmaster>" is the postmaster of `hostname`. Raises BadCommand."""
    address, parameters = _path(argument, "TO:", replies.BAD_RECIPIENT)
    if address is None:
        raise BadCommand(replies.BAD_RECIPIENT)
    if not address.domain:
        address = Address(address.local, hostname.lower())  # RFC 5321 4.5.1
    if address.needs_smtputf8 and not smtputf8:
        raise BadCommand(replies.NEEDS_SMTPUTF8)
    notify, orcpt = _rcpt_dsn(parameters) if announced.dsn else (frozenset[str](), "")
    if parameters:
        raise BadCommand(replies.BAD_PARAMETER)
    return RcptTo(address, notify, orcpt)


def parse_chunk(argument: str) -> tuple[int, bool]:
    """The argument of BDAT: (octets, is it the last chunk). Raises BadCommand."""
    match = _CHUNK.fullmatch(argument)
    if match is None:
        raise BadCommand(replies.BAD_ARGUMENTS)
    return int(match[1]), match[2] is not None


def _path(argument: str, keyword: str, complaint: Reply) -> tuple[Address | None, dict[str, str]]:
    if argument[: len(keyword)].upper() != keyword:
        raise BadCommand(replies.BAD_ARGUMENTS)
    try:
        address, rest = parse_path(argument[len(keyword) :].lstrip(" "))  # a blank after the colon is often seen
    except InvalidAddress:
        raise BadCommand(complaint) from None
    return address, _parameters(rest) if rest else {}


def _parameters(rest: str) -> dict[str, str]:
    if not rest.startswith(" "):
        raise BadCommand(replies.BAD_ARGUMENTS)
    found: dict[str, str] = {}
    for word in rest.split():
        name, _, value = word.partition("=")
        name = name.upper()
        if _KEYWORD.fullmatch(name) is None or name in found:
            raise BadCommand(replies.BAD_PARAMETER)
        found[name] = value
    return found


def _mail_dsn(parameters: dict[str, str]) -> tuple[str, str]:
    ret = parameters.pop("RET", "").upper()
    envid = parameters.pop("ENVID", "")
    if ret not in ("", "FULL", "HDRS") or len(envid) > 100:  # RFC 3461 4.3, 4.4
        raise BadCommand(replies.BAD_PARAMETER)
    return ret, _from_xtext(envid)


def _rcpt_dsn(parameters: dict[str, str]) -> tuple[frozenset[str], str]:
    notify = frozenset(word for word in parameters.pop("NOTIFY", "").upper().split(",") if word)
    orcpt = parameters.pop("ORCPT", "")
    if not (notify <= _NOTIFY or notify == {"NEVER"}):  # RFC 3461 4.1
        raise BadCommand(replies.BAD_PARAMETER)
    if orcpt and (len(orcpt) > 500 or _ORCPT.fullmatch(orcpt) is None):
        raise BadCommand(replies.BAD_PARAMETER)
    kind, mark, address = orcpt.partition(";")
    return notify, kind + mark + (address if kind.lower() == "utf-8" else _from_xtext(address))


def dsn_parameters(notify: str, orcpt: str, ret: str, envid: str) -> tuple[str, str]:
    """What MAIL and RCPT say further to a server that knows RFC 3461, each with a blank before it; empty values say nothing."""
    mail = "".join([f" RET={ret}" if ret else "", f" ENVID={_to_xtext(envid)}" if envid else ""])
    kind, mark, address = orcpt.partition(";")
    original = (
        f" ORCPT={kind}{mark}{_to_xtext(address)}" if orcpt.isascii() and orcpt else ""
    )  # RFC 6533 3: no utf-8 type
    return mail, f" NOTIFY={notify}{original}" if notify else original


def _to_xtext(text: str) -> str:
    """RFC 3461 4."""
    return "".join(one if "!" <= one <= "~" and one not in "+=" else f"+{ord(one):02X}" for one in text)


def _from_xtext(text: str) -> str:
    """RFC 3461 4: "+3D" stands for "="."""
    if _XTEXT.fullmatch(text) is None:
        raise BadCommand(replies.BAD_PARAMETER)
    return re.sub(r"\+([0-9A-F]{2})", lambda hit: chr(int(hit[1], 16)), text)


# -- message data ------------------------------------------------------------------------------------------------------


def dot_stuff(data: bytes) -> bytes:
    """Message bytes, every line ending in CRLF, as DATA sends them (RFC 5321 4.5.2), without the final dot."""
    if data.startswith(b"."):
        data = b"." + data
    if b"\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    return data if data.endswith(b"\r\n") or not data else data + b"\r\n"


def dot_unstuff(data: bytes) -> bytes:
    """The reverse, for data without its final dot."""
    if data.startswith(b"."):
        data = data[1:]
    return data.replace(b"\r\n.", b"\r\n") if b"\r\n." in data else data


def mend_line_ends(data: bytes) -> bytes:
    """Every bare CR and bare LF made CRLF; the same object if there is none."""
    pairs = data.count(b"\r\n")
    if data.count(b"\n") == pairs and data.count(b"\r") == pairs:
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
