"""A message's header in words: what each field says to a receiver. [pure]"""

from dataclasses import dataclass

from lettershop.wire.message import headers
from lettershop.wire.message.words import decode

LONGEST = 400
"""Characters of a value that are shown."""

WHY = {
    "dkim-signature": "DKIM: our signature over header and body. The receiver fetches the key by d= and s= from DNS and sees that nobody "
    "has changed the message.",
    "received": "A server on the way, newest on top. This one is ours.",
    "date": "When it was written.",
    "from": "The author as people see it. DMARC wants its domain to be the one that SPF or DKIM has proved.",
    "reply-to": "Where answers go.",
    "to": "The recipient as people see it; the envelope says where it really goes.",
    "subject": "The subject.",
    "message-id": "The name of this message. Answers refer to it, and so do we when a bounce comes back.",
    "mime-version": "The message is in the usual form (MIME).",
    "content-type": "What the body is: text, HTML, or both as alternatives.",
    "content-transfer-encoding": "How the body is written so that every server lets it through.",
    "list-unsubscribe": "Where one leaves: mail programs make a button of it (RFC 2369).",
    "list-unsubscribe-post": "The button works with one click, without a page (RFC 8058); large providers demand it.",
    "list-id": "The name of the list, for filters (RFC 2919).",
    "feedback-id": "By this, providers count complaints for us by campaign.",
    "precedence": "It is no personal letter: machines need not answer it.",
    "authentication-results": "What the receiver found of SPF, DKIM and DMARC.",
    "return-path": "The envelope's sender: bounces go there.",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A field as it stands, and what it is for; `why` is empty for fields that only some programs know."""

    name: str
    value: str
    why: str


def explain(message: bytes) -> list[Explained]:
    """The fields in their order."""
    found = []
    for field in headers.parse(message).fields:
        value = decode(field.value).strip()
        shown = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
        found.append(Explained(field.name, shown, WHY.get(field.name.lower(), "")))
    return found
