"""Where mail for an address goes: a mailbox, one of our own services, elsewhere, or nowhere.

In this order: an address of a domain that is not hosted is `Elsewhere`; `bounce+TOKEN` and `unsubscribe+TOKEN` of a hosted
domain name a recipient of a campaign (`mail.tokens`); an account or alias; the part before "+" of one; the domain's
catch-all; the operator's account for the addresses that every domain must have (RFC 2142); else `Nowhere`.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from lettershop.mail.tokens import Recipient, Tokens
from lettershop.store import accounts as rows
from lettershop.store.accounts import Account
from lettershop.wire.address import Address

DETAIL = "+"
ROLES = frozenset({"postmaster", "abuse", "fbl", "hostmaster", "webmaster", "dmarc", "tls-reports"})
"""Role addresses (RFC 2142, RFC 5321 4.5.1): if nobody has them, the domain's first account gets their mail."""


@dataclass(frozen=True, slots=True)
class ToMailbox:
    """Into an account's INBOX."""

    account: Account


@dataclass(frozen=True, slots=True)
class ToService:
    """To ourselves: what it says is read by the program, not by a person."""

    service: Literal["bounce", "unsubscribe"]
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A domain that we do not host."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """A domain of ours, but no such address."""


Destination = ToMailbox | ToService | Elsewhere | Nowhere


def destination(conn: Connection, address: Address, tokens: Tokens, own_hostname: str) -> Destination:
    """Where mail for this address goes. "<postmaster>" without a domain is our host's (RFC 5321 4.5.1)."""
    domain = rows.domain_by_name(conn, address.domain)
    if domain is None or not domain.hosted:
        local_host = address.domain in ("", own_hostname)
        return _role_of_host(conn) if local_host and address.local.lower() in ROLES else Elsewhere()
    local = address.local.lower()
    name, _, detail = local.partition(DETAIL)
    if name in ("bounce", "unsubscribe") and detail:
        recipient = tokens.open(detail)
        if recipient is None:
            return Nowhere()
        return ToService("bounce" if name == "bounce" else "unsubscribe", recipient)
    candidates = dict.fromkeys([f"{local}@{domain.name}", f"{name}@{domain.name}", f"@{domain.name}"])
    account = rows.route(conn, list(candidates))
    if account is None and local in ROLES:
        account = rows.first_account(conn, domain.id)
    return ToMailbox(account) if account and not account.disabled else Nowhere()


def _role_of_host(conn: Connection) -> Destination:
    account = rows.first_account(conn, None)
    return ToMailbox(account) if account else Nowhere()
