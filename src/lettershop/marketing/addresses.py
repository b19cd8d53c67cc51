"""Addresses of people: is it one, was it mistyped, is it a person's own. [pure]

`check_address` refuses what no server would take (RFC 5321, RFC 6531: also "jürgen@…"). `look` says what is suspicious
about a valid one: a mistyped well-known domain with the likely right one, a domain of throw-away mailboxes, an address
of a role ("info@"). Suspicious addresses are taken and flagged; a person decides. Whether a domain has mail servers
(MX) is asked by `marketing.contacts`, once a domain.
"""

import re
from dataclasses import dataclass

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

from lettershop.wire.address import Address, InvalidAddress

FLAGS = ("typo", "disposable", "role", "no-mx")

WELL_KNOWN = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.de", "yahoo.fr", "yahoo.co.uk", "yahoo.co.jp", "ymail.com",
    "hotmail.com", "hotmail.de", "hotmail.fr", "hotmail.co.uk", "outlook.com", "outlook.de", "live.com", "live.de", "msn.com",
    "icloud.com", "me.com", "mac.com", "aol.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "t-online.de",
    "freenet.de", "posteo.de", "mailbox.org", "proton.me", "protonmail.com", "orange.fr", "free.fr", "laposte.net", "wanadoo.fr",
    "sfr.fr", "libero.it", "virgilio.it", "tiscali.it", "bluewin.ch", "comcast.net", "verizon.net", "att.net", "btinternet.com",
    "sky.com", "mail.ru", "yandex.ru", "qq.com", "163.com", "126.com", "naver.com", "wp.pl", "o2.pl", "seznam.cz", "telia.com",
    "mail.com", "email.com", "love.com", "ziggo.nl", "telenet.be", "uol.com.br", "bol.com.br", "fastmail.com", "zoho.com",
)  # fmt: skip
_KNOWN = frozenset(WELL_KNOWN)

_ROLES = """
    abuse accounting accounts admin administrator billing buchhaltung careers contact contato einkauf finance hello help
    helpdesk hostmaster hr info jobs kontakt legal mail mailer-daemon marketing media no-reply noc noreply office orders
    postmaster presse press privacy sales security service shop spam support team technik verkauf webmaster www
"""
ROLES = frozenset(_ROLES.split())

_PLAIN = re.compile(r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@([A-Za-z0-9.-]{1,255})")
LONG = 9
"""Letters of a well-known domain that slips are looked for in; shorter ones have too many real neighbours."""

KEPT = 50_000
"""Domains remembered by one `AddressCheck`."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is odd about a valid address. `flag`: one of `FLAGS`; `suggestion`: the address that was likely meant."""

    flag: str
    suggestion: str = ""


def check_address(text: str) -> Address:
    """A deliverable-looking address; raises InvalidAddress with the reason in words. No network is asked."""
    if not text:
        raise InvalidAddress("The address is empty.")
    if "@" not in text:
        raise InvalidAddress("The address has no @.")
    try:
        checked = validate_email(text, check_deliverability=False, test_environment=True, allow_smtputf8=True)
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from error
    return Address.parse(f"{checked.local_part}@{checked.ascii_domain}")


def look(address: Address) -> list[Suspicion]:
    """What is odd about it; nothing, mostly."""
    found = []
    meant = mistyped(address.domain)
    if meant:
        found.append(Suspicion("typo", f"{address.local}@{meant}"))
    if is_disposable(address.domain):
        found.append(Suspicion("disposable"))
    if is_role(address.local):
        found.append(Suspicion("role"))
    return found


def is_role(local: str) -> bool:
    """Whether it belongs to a function and to no person; what stands behind a plus makes no difference."""
    return local.lower().partition("+")[0] in ROLES


def is_disposable(domain: str) -> bool:
    """Whether it gives mailboxes to anyone for minutes; also below such a domain."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def mistyped(domain: str) -> str:
    """The well-known domain that was likely meant, or nothing: one key wrong, missing, too much, or two swapped."""
    if domain in _KNOWN or len(domain) < 6:
        return ""
    for known in WELL_KNOWN:
        if len(known) >= LONG and abs(len(known) - len(domain)) <= 1 and one_slip(domain, known):
            return known
    name, _, ending = domain.rpartition(".")
    return (
        f"{name}.com" if ending in ("con", "cmo", "ocm", "comm", "vom", "xom", "cm") and f"{name}.com" in _KNOWN else ""
    )


def one_slip(left: str, right: str) -> bool:
    """Whether one edit (change, insert, leave out, swap neighbours) leads from one to the other."""
    if len(left) > len(right):
        left, right = right, left
    start = next((place for place, letter in enumerate(left) if letter != right[place]), len(left))
    if len(left) < len(right):
        return left[start:] == right[start + 1 :]
    swapped = left[start + 1 : start + 2] + left[start : start + 1] + left[start + 2 :]
    return left[start + 1 :] == right[start + 1 :] or swapped == right[start:]


class AddressCheck:
    """`check_address` for many: what is known of a domain is remembered. A million take a few seconds."""

    def __init__(self) -> None:
        self._domains: dict[str, tuple[str, tuple[Suspicion, ...]]] = {}

    def check(self, text: str) -> tuple[str, str, str, tuple[Suspicion, ...]]:
        """(address, its key, its domain, what is odd about it); raises InvalidAddress."""
        plain = _PLAIN.fullmatch(text)
        known = self._domains.get(plain[2]) if plain is not None and len(plain[1]) <= 64 else None
        if plain is None or known is None:
            address = check_address(text)
            odd = look(address)
            self._remember(text.rpartition("@")[2], address.domain, odd)
            return str(address), address.key, address.domain, tuple(odd)
        local, (domain, suspicions) = plain[1], known
        odd_here = suspicions
        if suspicions and suspicions[0].flag == "typo":
            meant = suspicions[0].suggestion.rpartition("@")[2]
            odd_here = (Suspicion("typo", f"{local}@{meant}"), *suspicions[1:])
        if is_role(local):
            odd_here = (*odd_here, Suspicion("role"))
        return f"{local}@{domain}", f"{local.lower()}@{domain}", domain, odd_here

    def _remember(self, written: str, domain: str, odd: list[Suspicion]) -> None:
        if len(self._domains) >= KEPT:
            self._domains.clear()
        self._domains[written] = (domain, tuple(entry for entry in odd if entry.flag != "role"))
