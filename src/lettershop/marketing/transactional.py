"""Transactional messages: one letter to one or a few people, at once or at a time, ahead of every campaign.

    send > fill the template > compose > mail.submission signs, stores and queues it > a row in `sent_messages`

The workspace must own the sender's domain. Who asked for no more newsletters still gets a password; whose address is dead
or who complained does not (`mail.submission.StoredSource` asks the ledger last).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError, NotFound, Refused
from lettershop.mail import expiry
from lettershop.mail.sign import from_domain
from lettershop.mail.submission import Submission, authors_of
from lettershop.marketing.letter import File, Letter, LetterInvalid, Person, compose_letter
from lettershop.marketing.media import Media
from lettershop.marketing.templates import Templates, fill
from lettershop.store import accounts
from lettershop.store import sent as rows
from lettershop.store.database import Database, Transaction
from lettershop.store.sent import Sent, SentTo
from lettershop.wire.address import Address
from lettershop.wire.message import headers
from lettershop.wire.message.compose import crlf
from lettershop.wire.message.words import decode, raw_text


class NoSuchMessage(NotFound):
    """There is no such message."""

    code = "no-such-message"


class NotYourDomain(Refused):
    """The sender's domain is none of the workspace's."""

    code = "not-your-domain"


@dataclass(frozen=True, slots=True)
class Message:
    """A message with its recipients."""

    sent: Sent
    recipients: tuple[SentTo, ...]


class Transactional:
    """One object per process."""

    def __init__(
        self, main: Database, mail: Database, submission: Submission, templates: Templates, clock: Clock,
        media: Media | None = None,
    ) -> None:  # fmt: skip
        self._media = media
        self._main = main
        self._mail = mail
        self._submission = submission
        self._templates = templates
        self._clock = clock

    async def send(self, workspace_id: int, letter: Letter) -> Message:
        """Queue a letter; returns after the commit. Raises LetterInvalid, NotYourDomain, NoSuchTemplate, TemplateInvalid."""
        await self._check_domain(workspace_id, Address.parse(letter.sender.address).domain)
        letter = await self._filled(workspace_id, letter)
        now = self._clock.now()
        domain = Address.parse(letter.sender.address).domain
        message_id = f"{self._clock.token(16).hex()}@{domain}"
        message = compose_letter(letter, now, message_id, f"={self._clock.token(12).hex()}")
        return await self._queue(
            workspace_id, letter.sender.address, letter.recipients, message, letter.send_at, letter.expires_at,
            message_id=message_id, subject=letter.subject, tags=list(letter.tags),
        )  # fmt: skip

    async def send_raw(
        self,
        workspace_id: int,
        raw: bytes,
        to: Sequence[str],
        *,
        tags: Sequence[str] = (),
        send_at: float | None = None,
        expires_at: float | None = None,
    ) -> Message:
        """Queue a message that is complete; its From must be of a domain of the workspace."""
        raw, wish = expiry.taken_out(raw)
        if wish and expires_at is None:
            expires_at = expiry.read(wish, self._clock.now())
        authors = authors_of(raw)
        if not authors:
            raise LetterInvalid("The message has no From field with an address.")
        await self._check_domain(workspace_id, from_domain(raw))
        parsed = headers.parse(raw)
        message_id = raw_text(parsed.get("Message-ID") or "").strip(" \t\r\n<>")
        subject = decode(parsed.get("Subject") or "").strip()
        return await self._queue(
            workspace_id, authors[0], list(to), raw, send_at, expires_at, message_id=message_id, subject=subject[:998], tags=list(tags),
        )  # fmt: skip

    async def take(self, workspace_id: int, asked: Mapping[str, Any]) -> Message:
        """A message as the API has it: the fields of `Letter`, or `raw` with `to`, `tags`, `send_at` and `expires_at`."""
        given = dict(asked)
        raw = given.pop("raw")
        if raw:
            to = [person["address"] for person in (*given["to"], *given["cc"], *given["bcc"])]
            same = {name: given[name] for name in ("tags", "send_at", "expires_at")}
            return await self.send_raw(workspace_id, crlf(raw), to, **same)
        if given["sender"] is None:
            raise LetterInvalid("The message has no sender.", remedy="Say `from`, or send it as `raw`.")
        for name in ("to", "cc", "bcc", "reply_to"):
            given[name] = tuple(Person(**person) for person in given[name])
        files = [await self._file(workspace_id, file) for file in given["files"]]
        return await self.send(workspace_id, Letter(**{**given, "sender": Person(**given["sender"]), "files": files}))

    async def _file(self, workspace_id: int, asked: Mapping[str, Any]) -> File:
        """A file of the request, or one of the media library under the name that is asked for. Raises NoSuchMedium."""
        given = dict(asked)
        medium_id = given.pop("media_id", None)
        if medium_id is None:
            return File(**given)
        if self._media is None or given["data"]:
            raise LetterInvalid("An attachment has its own content or is one of the media library, not both.")
        medium, data = await self._media.whole(workspace_id, medium_id)
        return File(given["name"], medium.content_type, data, given["inline"])

    async def take_all(
        self, workspace_id: int, asked: Sequence[Mapping[str, Any]]
    ) -> "list[Message | LettershopError]":
        """Each taken or refused by itself, in the same order."""
        found: list[Message | LettershopError] = []
        for one in asked:
            try:
                found.append(await self.take(workspace_id, one))
            except LettershopError as error:
                found.append(error)
        return found

    async def get(self, workspace_id: int, message_id: int) -> Message:
        """One message; raises NoSuchMessage."""
        found = await self._main.read(_one, workspace_id, message_id)
        if found is None:
            raise NoSuchMessage(f"There is no message {message_id}.")
        return found

    async def page(self, workspace_id: int, *, before: int | None = None, limit: int = 50) -> list[Message]:
        """The messages, newest first."""
        return await self._main.read(_page, workspace_id, before, limit)

    async def _check_domain(self, workspace_id: int, name: str) -> None:
        found = await self._mail.read(_nearest_domain, name)
        if found is None or not found.sending or found.workspace_id not in (None, workspace_id):
            raise NotYourDomain(
                f"{name} is not a sending domain of this workspace.", remedy="Add it, and set its DNS records."
            )

    async def _filled(self, workspace_id: int, letter: Letter) -> Letter:
        if not letter.template:
            return letter
        template = await self._templates.wording(workspace_id, letter.template, letter.language)
        given: Mapping[str, Any] = letter.data
        return replace(
            letter,
            subject=" ".join(fill(letter.subject or template.subject, given, html=False).split()),
            html=fill(letter.html or template.html, given, html=True),
            text=fill(letter.text or template.text, given, html=False),
        )

    async def _queue(
        self, workspace_id: int, sender: str, to: Sequence[str], message: bytes, send_at: float | None,
        expires_at: float | None, **about: Any,
    ) -> Message:  # fmt: skip
        now = self._clock.now()
        due = max(now, send_at) if send_at is not None else now
        note = partial(_note, workspace_id=workspace_id, sender=sender, created_at=now, send_at=due, **about)
        outgoing_id = await self._submission.send_for(
            workspace_id, Address.parse(sender), to, message, due_at=due if due > now else None,
            expires_at=expires_at, note=note,
        )  # fmt: skip
        return await self.get(workspace_id, outgoing_id)


def _note(tx: Transaction, outgoing_id: int, **about: Any) -> None:
    rows.add(tx, Sent(id=outgoing_id, **about))


def _nearest_domain(conn: Connection, name: str) -> accounts.Domain | None:
    labels = name.split(".")
    found = (accounts.domain_by_name(conn, ".".join(labels[start:])) for start in range(len(labels) - 1))
    return next((domain for domain in found if domain is not None), None)


def _one(conn: Connection, workspace_id: int, message_id: int) -> Message | None:
    sent = rows.by_id(conn, workspace_id, message_id)
    return None if sent is None else Message(sent, tuple(rows.recipients(conn, [sent.id]).get(sent.id, ())))


def _page(conn: Connection, workspace_id: int, before: int | None, limit: int) -> list[Message]:
    found = rows.page(conn, workspace_id, before=before, limit=limit)
    people = rows.recipients(conn, [sent.id for sent in found])
    return [Message(sent, tuple(people.get(sent.id, ()))) for sent in found]
