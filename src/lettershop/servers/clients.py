"""What the servers for mail clients (IMAP, POP3) call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lettershop.mail.mailbox.service import Mailboxes
from lettershop.wire.sasl import Credentials, Principal


class Login(Protocol):
    """Who checks credentials, and slows down those who guess."""

    async def login(self, credentials: Credentials, peer_ip: str) -> Principal | None:
        """The account, or None if the credentials do not fit. Raises Temporary if it cannot tell now."""


@dataclass(frozen=True, slots=True)
class Services:
    """`may_login_in_clear` says whether this address may log in without TLS."""

    mailboxes: Mailboxes
    login: Login
    may_login_in_clear: Callable[[str], bool]
