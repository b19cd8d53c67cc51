"""SASL (RFC 4422): PLAIN and LOGIN, the server's and the client's side, for SMTP, IMAP and POP3. [pure]

The protocol machine moves base64 lines; what they mean is decided here.

    exchange = ServerExchange("PLAIN")
    step = exchange.begin(b"AGFubgBzZWNyZXQ=")      # the initial response, or None
    # -> Credentials("ann", "secret"), or Challenge(b"...") to send, then exchange.respond(line), and so on
"""

import base64
import binascii
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from lettershop.base.errors import ProtocolError


class SaslError(ProtocolError):
    """What the client sent is no valid response of this mechanism."""

    code = "sasl"


class SaslCancelled(SaslError):
    """The client sent "*"."""

    code = "sasl-cancelled"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client claims: its log-in name, its password, and on whose behalf it wants to act ("" is itself)."""

    user: str
    password: str = field(repr=False)
    authorize_as: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who the claim turned out to be: the account's key and its name."""

    account_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """What to send to the client: base64, without the protocol's prefix."""

    line: bytes


Dialogue = Generator[bytes, bytes, Credentials]


def _plain(initial: bytes | None) -> Dialogue:
    """RFC 4616: [authzid] NUL authcid NUL passwd."""
    response = initial if initial is not None else (yield b"")
    parts = response.split(b"\0")
    if len(parts) != 3 or not parts[1]:
        raise SaslError("The PLAIN response is not well formed.")
    return Credentials(_text(parts[1]), _text(parts[2]), _text(parts[0]))


def _login(initial: bytes | None) -> Dialogue:
    """The LOGIN mechanism (draft-murchison-sasl-login): two questions, old clients know nothing else."""
    user = initial if initial is not None else (yield b"Username:")
    password = yield b"Password:"
    if not user:
        raise SaslError("The LOGIN response is not well formed.")
    return Credentials(_text(user), _text(password))


_SERVER: dict[str, Callable[[bytes | None], Dialogue]] = {"PLAIN": _plain, "LOGIN": _login}
MECHANISMS: tuple[str, ...] = tuple(_SERVER)


class ServerExchange:
    """One attempt to log in, as the server sees it."""

    def __init__(self, mechanism: str) -> None:
        """`mechanism` is one of MECHANISMS, in any case; raises SaslError for another."""
        dialogue = _SERVER.get(mechanism.upper())
        if dialogue is None:
            raise SaslError("The mechanism is not known.")
        self._dialogue = dialogue
        self._running: Dialogue | None = None

    def begin(self, initial: bytes | None = None) -> Challenge | Credentials:
        """Start, with the initial response in base64 if the client sent one. Raises SaslError."""
        if initial == b"=":  # RFC 4954 4: an initial response of length zero
            initial = b""
        self._running = self._dialogue(None if initial is None else decode(initial))
        return self._advance(None)

    def respond(self, line: bytes) -> Challenge | Credentials:
        """The client's answer to the challenge, base64 without its line end. Raises SaslError, SaslCancelled."""
        if line == b"*":
            raise SaslCancelled("The log-in was cancelled.")
        return self._advance(decode(line))

    def _advance(self, response: bytes | None) -> Challenge | Credentials:
        assert self._running is not None, "begin comes first"
        try:
            question = next(self._running) if response is None else self._running.send(response)
        except StopIteration as done:
            credentials: Credentials = done.value
            return credentials
        return Challenge(base64.b64encode(question))


def client_responses(mechanism: str, credentials: Credentials) -> tuple[bytes, ...]:
    """What a client sends, in order, each base64; the first may go as the initial response."""
    user, password = credentials.user.encode(), credentials.password.encode()
    if mechanism == "PLAIN":
        return (base64.b64encode(b"\0".join((credentials.authorize_as.encode(), user, password))),)
    if mechanism == "LOGIN":
        return base64.b64encode(user), base64.b64encode(password)
    raise SaslError("The mechanism is not known.")


def choose(offered: frozenset[str]) -> str | None:
    """The best mechanism that both sides know."""
    return next((name for name in MECHANISMS if name in offered), None)


def decode(line: bytes) -> bytes:
    """Strict base64; raises SaslError."""
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SaslError("The response is not valid base64.") from error


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")  # RFC 4616 2: UTF-8
    except UnicodeDecodeError as error:
        raise SaslError("The response is not valid UTF-8.") from error
