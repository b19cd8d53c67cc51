"""The mail server's part of a worker: services, and the listeners of SMTP, submission, IMAP and POP3."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from lettershop.app.house import House
from lettershop.base.clock import Clock
from lettershop.base.config import Config, Role
from lettershop.egress.classify import load
from lettershop.egress.express import Express
from lettershop.mail.accounts import Accounts
from lettershop.mail.authenticate import Authenticator
from lettershop.mail.gateway import Gateway
from lettershop.mail.inbound import Inbound, Policy
from lettershop.mail.mailbox.service import Mailboxes
from lettershop.mail.submission import StoredSource, Submission
from lettershop.net.stream import Limits, Peer, Session, StreamServer
from lettershop.net.tls import Certificate, PemFiles, self_made
from lettershop.servers.clients import Services
from lettershop.servers.imap.context import Settings as ImapSettings
from lettershop.servers.imap.session import ImapSession
from lettershop.servers.pop3 import Pop3Session
from lettershop.servers.smtp import Intake, SmtpSession
from lettershop.supervisor import Sockets
from lettershop.wire.sasl import Credentials, Principal
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.server import Settings

IMPLICIT_TLS = frozenset({"submissions", "imaps", "pop3s"})
INTAKE = 256 * 2**20
"""Bytes of incomplete messages in one process, or four of the largest."""
PER_PEER = 500
"""Connections of one address to one listener of a worker: offices and proxies share addresses."""
SERVICES: dict[Role, tuple[str, ...]] = {
    "smtp": ("smtp",), "submission": ("submission", "submissions"), "imap": ("imap", "imaps"), "pop3": ("pop3", "pop3s"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MailServices:
    """What the mail server is made of; `stored` feeds the delivery engine, `express` passes its queue."""

    port25: Gateway
    submission: Submission
    mailboxes: Mailboxes
    stored: StoredSource
    express: Express
    certificate: Certificate
    intake: Intake


class SmtpLogin:
    """Log-ins as SMTP sessions ask for them."""

    def __init__(self, accounts: Accounts, may_login_in_clear: Callable[[str], bool]) -> None:
        self._accounts = accounts
        self.may_login_in_clear = may_login_in_clear

    async def login(self, credentials: Credentials, peer: Peer) -> Principal | None:
        """See `mail.accounts.Accounts.login`."""
        return await self._accounts.login(credentials, peer.ip)


def clear_login(policy: str, peer_ip: str) -> bool:
    """Whether this peer may log in without TLS ([security] plaintext_login)."""
    return policy == "always" or (policy == "loopback" and ip_address(peer_ip).is_loopback)


def build_mail(house: House) -> MailServices:
    """The services on the house's storage."""
    config = house.config
    rules = load(config.delivery.bounce_rules)
    policy = Policy(config.server.hostname, config.server.trusted_networks, config.mail.greylist_delay, rules)
    authenticator = Authenticator(house.resolver, house.clock, config.server.hostname)
    inbound = Inbound(house.mail_db, house.blobs, authenticator, house.tokens, house.clock, policy)
    express = Express(house.bell.ring)
    submission = partial(
        Submission, house.mail_db, house.main_db, house.blobs, inbound, house.signer, house.clock,
        hostname=config.server.hostname, expire=config.delivery.expire, express=express,
    )  # fmt: skip
    return MailServices(
        port25=Gateway(inbound, submission(login_required=False), config.server.trusted_networks),
        submission=submission(),
        mailboxes=Mailboxes(house.mail_db, house.blobs, house.clock),
        stored=StoredSource(house.main_db, house.blobs),
        express=express,
        certificate=Certificate(certificate_files(config, house.clock)),
        intake=Intake(max(INTAKE, 4 * config.mail.max_size)),
    )  # fmt: skip


def certificate_files(config: Config, clock: Clock) -> PemFiles:
    """The operator's certificate, or a self-made one until there is a real one."""
    if config.tls.certificate:
        return PemFiles(Path(config.tls.certificate), Path(config.tls.key))
    return self_made(Path(config.server.data_dir) / "tls", config.server.hostname, clock)


async def listen(house: House, mail: MailServices, roles: Sequence[Role], sockets: Sockets) -> list[StreamServer]:
    """Start the listeners of the roles on their sockets."""
    servers = []
    for role, services in SERVICES.items():
        for service in services if role in roles else ():
            for opened in sockets.get(service, []):
                servers.append(await _listen_one(house, mail, service, opened))
    return servers


async def _listen_one(house: House, mail: MailServices, service: str, opened: socket.socket) -> StreamServer:
    server = StreamServer(
        _sessions(house, mail, service),
        tls=mail.certificate.context,
        implicit_tls=service in IMPLICIT_TLS,
        limits=Limits(per_peer=PER_PEER),
        refusal=replies.TOO_MANY_CONNECTIONS.to_wire() if service.startswith(("smtp", "sub")) else b"",
    )
    await server.adopt(opened)
    return server


def _sessions(house: House, mail: MailServices, service: str) -> Callable[[], Session]:
    """What makes the sessions of one service."""
    config = house.config
    clear = partial(clear_login, config.security.plaintext_login)
    if service == "smtp":
        relay = Settings(config.server.hostname, max_size=config.mail.max_size, tls=True, require_tls=True)
        return lambda: SmtpSession(relay, mail.port25, intake=mail.intake)
    if service in ("submission", "submissions"):
        submit = Settings(
            config.server.hostname,
            max_size=config.mail.max_size,
            tls=True,
            login=True,
            login_required=True,
            dsn=True,
            require_tls=True,
        )
        login = SmtpLogin(house.accounts, clear)
        return lambda: SmtpSession(submit, mail.submission, login, mail.intake)
    clients = Services(mail.mailboxes, house.accounts, clear)
    if service in ("imap", "imaps"):
        settings = ImapSettings(config.server.hostname, append_limit=config.mail.max_size)
        return lambda: ImapSession(clients, settings)
    return lambda: Pop3Session(clients, config.server.hostname)
