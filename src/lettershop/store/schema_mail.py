"""The tables of the mail half: who has mail here, and the mail. [pure]

`store.accounts` and `store.mailboxes` speak to them. Workspace ids are plain numbers here: the workspaces live in the other half.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from lettershop.store.columns import Bytes, Id, Time, fact_columns, key

metadata = MetaData()

domains = Table(
    "domains", metadata, key(),
    Column("name", Text, nullable=False, unique=True),  # A-label form, lower case
    Column("workspace_id", Id),  # owner; None: the operator's own
    Column("hosted", Boolean, nullable=False, server_default=true()),  # mail for it is taken in
    Column("sending", Boolean, nullable=False, server_default=true()),  # mail from it is signed
    Column("created_at", Time, nullable=False),
)  # fmt: skip

dkim_keys = Table(
    "dkim_keys", metadata, key(),
    Column("domain_id", Id, ForeignKey("domains.id", ondelete="CASCADE"), nullable=False),
    Column("selector", Text, nullable=False),
    Column("algorithm", Text, nullable=False),  # rsa | ed25519
    Column("private_pem", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("created_at", Time, nullable=False),
    UniqueConstraint("domain_id", "selector"),
)  # fmt: skip

accounts = Table(
    "accounts", metadata, key(),
    Column("address", Text, nullable=False, unique=True),  # lower case, domain as A-label
    Column("domain_id", Id, ForeignKey("domains.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("password_hash", Text, nullable=False),  # argon2 of a person's password; sha256 of a generated key (mail.accounts)
    Column("quota_bytes", Id),  # None: no limit
    Column("used_bytes", Id, nullable=False, server_default="0"),
    Column("greylist", Boolean, nullable=False, server_default=false()),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created_at", Time, nullable=False),
)  # fmt: skip

aliases = Table(
    "aliases", metadata, key(),
    Column("address", Text, nullable=False, unique=True),  # "@domain" is a catch-all
    Column("account_id", Id, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
)  # fmt: skip

mailboxes = Table(
    "mailboxes", metadata, key(),
    Column("account_id", Id, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),  # UTF-8, "/" between levels; INBOX in capitals
    Column("uid_validity", Id, nullable=False),
    Column("uid_next", Id, nullable=False, server_default="1"),
    Column("modseq", Id, nullable=False, server_default="1"),  # highest so far (RFC 7162)
    Column("messages", Id, nullable=False, server_default="0"),
    Column("unseen", Id, nullable=False, server_default="0"),
    Column("bytes", Id, nullable=False, server_default="0"),
    Column("recent_uid", Id, nullable=False, server_default="1"),  # from here on no session was told of a message
    Column("special_use", Text, nullable=False, server_default=""),  # like \\Sent (RFC 6154)
    UniqueConstraint("account_id", "name"),
    sqlite_autoincrement=True,  # an id is never used again: uid_validity is made of it
)  # fmt: skip

mailbox_subscriptions = Table(
    "mailbox_subscriptions", metadata,
    Column("account_id", Id, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),  # stays when the mailbox goes (RFC 9051 6.3.7)
)  # fmt: skip

messages = Table(
    "messages", metadata, key(),
    Column("mailbox_id", Id, ForeignKey("mailboxes.id", ondelete="CASCADE"), nullable=False),
    Column("uid", Id, nullable=False),
    Column("modseq", Id, nullable=False),
    Column("blob", Text, nullable=False),  # key in store.blobs
    Column("size", Id, nullable=False),
    Column("internal_date", Time, nullable=False),
    Column("flags", Integer, nullable=False, server_default="0"),  # bits of the system flags
    Column("keywords", Text, nullable=False, server_default=""),  # other flags, separated by blanks
    Column("envelope", Bytes),  # in the form that IMAP sends, kept since delivery
    Column("structure", Bytes),  # BODYSTRUCTURE, likewise
    Column("parts", Bytes),  # offsets of the parts in the blob
    Column("header", Bytes),  # the header bytes
    UniqueConstraint("mailbox_id", "uid"),
    Index("messages_by_change", "mailbox_id", "modseq"),
    Index("messages_by_blob", "blob"),
)  # fmt: skip

expunged = Table(
    "expunged", metadata,
    Column("mailbox_id", Id, ForeignKey("mailboxes.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("uid", Id, primary_key=True, autoincrement=False),
    Column("modseq", Id, nullable=False),
    Index("expunged_by_change", "mailbox_id", "modseq"),
)  # fmt: skip

released = Table(
    "released", metadata,
    Column("blob", Text, primary_key=True),  # a message that was here is gone; other messages may still use the blob
    Column("at", Time, nullable=False),
)  # fmt: skip

greylist = Table(
    "greylist", metadata,
    Column("triplet", Text, primary_key=True),  # client network, sender, recipient
    Column("first_seen", Time, nullable=False),
    Column("passed_at", Time),
)  # fmt: skip

mail_facts = Table(
    "mail_facts", metadata, *fact_columns(),
    *(
        Index(f"mail_facts_of_{name}", f"{name}_id", sqlite_where=text(f"{name}_id IS NOT NULL"),
              postgresql_where=text(f"{name}_id IS NOT NULL"))
        for name in ("contact", "envelope")
    ),
    sqlite_autoincrement=True,
)  # fmt: skip
