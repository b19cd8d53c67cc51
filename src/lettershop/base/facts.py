"""Facts: a frozen dataclass per thing that happened. [pure]

A lower layer that has news appends a fact in the same transaction as its change of state (`store.database.Transaction.fact`);
upper layers consume the log in order (run by `workers.singleton`). A fact is never changed and says only what was observed;
what it means (a suppression, a counter, a verdict) is decided by the consumer and can be computed again.

Stored as a row: `at`, `kind` (the class name), the four ids that nearly every question asks for, and the remaining
fields as JSON. `KINDS` is the registry for reading them back. Fields may be added with a default, never renamed.
"""

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What every fact carries; ids are None where they make no sense."""

    at: float
    workspace_id: int | None = None
    campaign_id: int | None = None
    contact_id: int | None = None
    envelope_id: int | None = None

    HEAD: ClassVar[tuple[str, ...]] = ("at", "workspace_id", "campaign_id", "contact_id", "envelope_id")

    @property
    def kind(self) -> str:
        """The stable name under which it is stored and told to webhooks."""
        return type(self).__name__

    def data(self) -> dict[str, Any]:
        """The fields beyond the head, as plain JSON values; those that are seldom set only if they are."""
        always, seldom = _beyond_head(type(self))  # type: ignore[arg-type]  # a class is hashable
        found = {name: getattr(self, name) for name in always}
        for name in seldom:
            if value := getattr(self, name):
                found[name] = value
        return found


SELDOM = {"seldom": True}
"""Metadata of a field that most facts leave at its (false) default: it is not stored then."""


@cache
def _beyond_head(kind: type[Fact]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    beyond = [f for f in fields(kind) if f.name not in Fact.HEAD]
    return tuple(f.name for f in beyond if not f.metadata), tuple(f.name for f in beyond if f.metadata)


# -- egress: what the receivers answered ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Fact):
    """A receiver took the message (2xx after the dot). `latency` is seconds from hand-over (campaign start or due time) to the 250."""

    site: str
    mx: str
    code: int
    text: str
    tls: str = ""
    attempt: int = 1
    latency: float = 0.0
    relayed: bool = field(default=False, metadata=SELDOM)
    """Its sender wants to be told of success, and the receiver will not (RFC 3461 5.2.2): we do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred(Fact):
    """A temporary answer; the envelope waits until `retry_at`."""

    site: str
    mx: str
    code: int
    text: str
    reason: str
    attempt: int = 1
    retry_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced(Fact):
    """Given up. `hard`: the address is dead; `reason` is a class of `egress.classify`; `address` as it was tried."""

    site: str
    mx: str
    code: int
    text: str
    reason: str
    hard: bool
    address: str
    attempt: int = 1
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSuspended(Fact):
    """Nothing more goes to this site from this source address ("": the system's choice) until `until`; why, in plain words."""

    site: str
    source: str
    until: float
    why: str
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteResumed(Fact):
    """A site that was suspended for a source address has taken a message again."""

    site: str
    source: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld(Fact):
    """Not sent although queued: suppressed, unsubscribed, contact gone, campaign cancelled, message could not be made."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayTold(Fact):
    """The sender of a stored message was told that it takes longer."""

    address: str
    sender: str


# -- mail: what came in ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Fact):
    """Mail was taken for a local mailbox."""

    message_id: int
    mailbox_id: int
    sender: str
    recipient: str
    spf: str = "none"
    dkim: str = "none"
    dmarc: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceReported(Fact):
    """A delivery status notification came back for a message of ours."""

    address: str
    status: str
    hard: bool
    reason: str
    diagnostic: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complained(Fact):
    """A feedback report (RFC 5965): the person pressed "spam"."""

    address: str
    feedback_type: str = "abuse"
    reporter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied(Fact):
    """A person answered a campaign. `message_id` is the stored message."""

    address: str
    message_id: int
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReplied(Fact):
    """An out-of-office or another automatic answer: neither a bounce nor a reply."""

    address: str
    subject: str = ""


# -- the web: what people and machines did ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Fact):
    """The pixel was asked for. Whether by a person is judged by the consumer from these raw signals.

    Anonymous (tracking in aggregate only): no ids of a person, no raw signals, `at` by the hour, but the verdict, judged at once.
    """

    user_agent: str = ""
    ip: str = ""
    headers: str = ""
    machine: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicked(Fact):
    """A tracked link was followed; `link` is its number in the campaign, `method` the HTTP method. Anonymous as in Opened."""

    link: int
    user_agent: str = ""
    ip: str = ""
    headers: str = ""
    method: str = "GET"
    machine: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed(Fact):
    """The person asked for no more mail. `how`: one-click, page, mailto, reply, api."""

    how: str
    list_id: int | None = None
    ip: str = ""


# -- marketing: what we did ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignChanged(Fact):
    """A campaign moved to another state (`marketing.campaigns` has the table of transitions)."""

    state: str
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerTripped(Fact):
    """A circuit breaker acted. `level`: slow or stop; `scope`: what was counted: campaign, provider or domain, called `name`."""

    level: str
    scope: str
    name: str
    cause: str
    count: int
    of: int
    limit: float
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged(Fact):
    """A contact was made, changed, joined or left a list. `what`: created, updated, subscribed, unsubscribed, erased."""

    what: str
    list_id: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsImported(Fact):
    """An import is done, or was undone (`what`): how many people it made, changed and put on the list; how many rows it refused."""

    what: str
    import_id: int
    list_id: int | None = None
    created: int = 0
    updated: int = 0
    joined: int = 0
    refused: int = 0


# -- ourselves ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDisabled(Fact):
    """A webhook was turned off by us, because its address took nothing for too long or said that it is gone."""

    webhook_id: int
    name: str
    host: str
    why: str


KINDS: dict[str, type[Fact]] = {
    cls.__name__: cls
    for cls in (
        Delivered, Deferred, Bounced, SiteSuspended, SiteResumed, Withheld, DelayTold, MessageReceived, BounceReported,
        Complained, Replied, AutoReplied, Opened, Clicked, Unsubscribed, CampaignChanged, BreakerTripped,
        ContactChanged, ContactsImported, WebhookDisabled,
    )
}  # fmt: skip


def restore(kind: str, head: dict[str, Any], data: dict[str, Any]) -> Fact:
    """The fact of a stored row. Unknown fields (written by a newer version) are left out."""
    cls = KINDS[kind]
    known = {f.name for f in fields(cls)}
    return cls(**head, **{key: value for key, value in data.items() if key in known})
