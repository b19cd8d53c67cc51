"""Conversations with people about a campaign (main half), and the stored answers that they are made of (mail half)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_inbox import DONE, OPEN, conversation_messages, conversations
from lettershop.store.schema_mail import messages
from lettershop.store.schema_main import campaigns, contacts


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation. `awaits_us`: the last word is theirs."""

    id: int
    campaign_id: int
    contact_id: int
    envelope_id: int | None
    subject: str
    done: bool
    last_at: float
    awaits_us: bool
    campaign: str
    brand_id: int
    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a conversation. `thread`: the identifiers before it; `ours`: `author` is the colleague who answered."""

    at: float
    ours: bool
    author: str
    reply_to: str
    message_id: str
    thread: str
    text: str
    files: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """What an answer is about, as its fact says."""

    campaign_id: int
    contact_id: int
    envelope_id: int | None
    subject: str


_COLUMNS = (
    conversations.c.id, conversations.c.campaign_id, conversations.c.contact_id, conversations.c.envelope_id,
    conversations.c.subject, conversations.c.state == DONE, conversations.c.last_at, conversations.c.awaits_us,
    campaigns.c.name, campaigns.c.brand_id, contacts.c.email, contacts.c.name,
)  # fmt: skip
_JOINED = conversations.join(campaigns, campaigns.c.id == conversations.c.campaign_id).join(
    contacts, contacts.c.id == conversations.c.contact_id
)
_SAID = [conversation_messages.c[name] for name in Said.__slots__]


# -- answers in the mail half -----------------------------------------------------------------------------------------


def stored_blob(conn: Connection, message_id: int) -> str | None:
    """The key of a stored message's bytes (mail half); None if it is gone."""
    blob: str | None = conn.scalar(select(messages.c.blob).where(messages.c.id == message_id))
    return blob


# -- reading ----------------------------------------------------------------------------------------------------------


def page(
    conn: Connection, workspace_id: int, *, state: str = "", campaign_id: int | None = None, query: str = "",
    before: int | None = None, limit: int = 50,
) -> list[Conversation]:  # fmt: skip
    """The newest first, below the conversation `before`. `state`: open, done, or empty for both; `query`: in name,
    address and subject."""
    c = conversations.c
    statement = select(*_COLUMNS).select_from(_JOINED).where(c.workspace_id == workspace_id)
    if state:
        statement = statement.where(c.state == (DONE if state == "done" else OPEN))
    if campaign_id is not None:
        statement = statement.where(c.campaign_id == campaign_id)
    if query:
        like = query.lower()
        places = (contacts.c.email_key, func.lower(contacts.c.name), func.lower(c.subject))
        statement = statement.where(or_(*(place.contains(like, autoescape=True) for place in places)))
    if before is not None:
        at = select(c.last_at).where(c.id == before).scalar_subquery()
        statement = statement.where(or_(c.last_at < at, and_(c.last_at == at, c.id < before)))
    rows = conn.execute(statement.order_by(c.last_at.desc(), c.id.desc()).limit(limit))
    return [Conversation(*row) for row in rows]


def find(conn: Connection, workspace_id: int, conversation_id: int) -> Conversation | None:
    """One of the workspace, or None."""
    c = conversations.c
    where = (c.workspace_id == workspace_id, c.id == conversation_id)
    row = conn.execute(select(*_COLUMNS).select_from(_JOINED).where(*where)).one_or_none()
    return Conversation(*row) if row else None


def said(conn: Connection, conversation_id: int) -> list[Said]:
    """All of it, in order."""
    c = conversation_messages.c
    query = select(*_SAID).where(c.conversation_id == conversation_id).order_by(c.at, c.id)
    return [Said(*row) for row in conn.execute(query)]


def count_open(conn: Connection, workspace_id: int) -> int:
    """How many are open."""
    c = conversations.c
    where = (c.workspace_id == workspace_id, c.state == OPEN)
    return conn.scalar(select(func.count()).select_from(conversations).where(*where)) or 0


# -- writing ----------------------------------------------------------------------------------------------------------


def hear(tx: Transaction, about: About, one: Said) -> bool:
    """A person wrote: the conversation is there, open, and has it. False if campaign or contact are gone."""
    workspace_id = tx.conn.scalar(select(campaigns.c.workspace_id).where(campaigns.c.id == about.campaign_id))
    owner = tx.conn.scalar(select(contacts.c.workspace_id).where(contacts.c.id == about.contact_id))
    if workspace_id is None or owner != workspace_id:
        return False
    row = {
        "workspace_id": workspace_id, "campaign_id": about.campaign_id, "contact_id": about.contact_id,
        "envelope_id": about.envelope_id, "subject": about.subject, "state": OPEN, "last_at": one.at,
    }  # fmt: skip
    insert_new(tx.conn, conversations, [row])
    c = conversations.c
    where = (c.campaign_id == about.campaign_id, c.contact_id == about.contact_id)
    conversation_id = tx.conn.scalar(select(c.id).where(*where))
    assert conversation_id is not None, "it was just put there"
    if _say(tx, conversation_id, one):
        values = {"state": OPEN, "last_at": one.at, "awaits_us": True}
        tx.conn.execute(update(conversations).where(c.id == conversation_id).values(**values))
    return True


def answer(tx: Transaction, conversation_id: int, one: Said, *, done: bool) -> None:
    """One of us wrote."""
    if _say(tx, conversation_id, one):
        values = {"last_at": one.at, "awaits_us": False, "state": DONE if done else OPEN}
        tx.conn.execute(update(conversations).where(conversations.c.id == conversation_id).values(**values))


def answered(conn: Connection, conversation_id: int, message_id: str) -> bool:
    """Whether this very answer is there already."""
    c = conversation_messages.c
    where = (c.conversation_id == conversation_id, c.message_id == message_id)
    return conn.scalar(select(c.id).where(*where)) is not None


def set_done(tx: Transaction, workspace_id: int, conversation_ids: Sequence[int], *, done: bool) -> int:
    """Close conversations, or open them again; how many that were."""
    c = conversations.c
    where = (c.workspace_id == workspace_id, c.id.in_(list(conversation_ids)))
    return tx.conn.execute(update(conversations).where(*where).values(state=DONE if done else OPEN)).rowcount


def _say(tx: Transaction, conversation_id: int, one: Said) -> int:
    row = {"conversation_id": conversation_id, **{name: getattr(one, name) for name in Said.__slots__}}
    return insert_new(tx.conn, conversation_messages, [row])
