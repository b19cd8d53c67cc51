"""Port 25 as it looks to those who connect: strangers bring mail for us, networks that the operator trusts may also send.

Picks the service by the client's address, once per call; no rule of either lives here.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from lettershop.mail.inbound import Inbound
from lettershop.mail.submission import Submission
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo
from lettershop.wire.smtp.replies import Reply


class Gateway:
    """`relay` is a submission service that asks for no log-in; `trusted` may use it."""

    def __init__(self, inbound: Inbound, relay: Submission, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._inbound = inbound
        self._relay = relay
        self._trusted = trusted

    async def accept_client(self, client: Client) -> Reply | None:
        """See `servers.smtp.Inbound`."""
        return await self._service(client).accept_client(client)

    async def accept_sender(self, client: Client, sender: MailFrom) -> Reply:
        """See `servers.smtp.Inbound`."""
        return await self._service(client).accept_sender(client, sender)

    async def accept_recipient(self, client: Client, sender: MailFrom, recipient: RcptTo) -> Reply:
        """See `servers.smtp.Inbound`."""
        return await self._service(client).accept_recipient(client, sender, recipient)

    async def deliver(self, envelope: Envelope, data: bytes) -> Reply:
        """See `servers.smtp.Inbound`."""
        return await self._service(envelope.client).deliver(envelope, data)

    def _service(self, client: Client) -> Inbound | Submission:
        address = ip_address(client.ip)
        return self._relay if any(address in network for network in self._trusted) else self._inbound
