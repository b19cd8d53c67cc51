"""The tables of the main half: workspaces and people, segments, campaigns, what readers did, the fact log. [pure]

Every marketing row belongs to a workspace. `store.schema_delivery` and `store.schema_api` add their tables to this metadata;
`store.migrate` knows the parts.
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

from lettershop.store.columns import Bytes, Id, Json, Time, fact_columns, key

metadata = MetaData()


def _workspace() -> Column[int]:
    return Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)


workspaces = Table(
    "workspaces", metadata, key(),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Time, nullable=False),
)  # fmt: skip

brands = Table(
    "brands", metadata, key(), _workspace(),
    Column("name", Text, nullable=False),
    Column("from_name", Text, nullable=False),
    Column("from_address", Text, nullable=False),
    Column("reply_to", Text, nullable=False, server_default=""),
    Column("postal_address", Text, nullable=False, server_default=""),
    Column("pool", Text, nullable=False, server_default=""),  # of source addresses; empty: by sender and stream
    Column("settings", Json, nullable=False, server_default="{}"),  # colours, logo and the like, for templates
    Column("created_at", Time, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)  # fmt: skip

users = Table(
    "users", metadata, key(),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("disabled", Boolean, nullable=False, server_default=false()),
)  # fmt: skip

memberships = Table(
    "memberships", metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, nullable=False),  # owner, admin, marketer, analyst, postmaster, inbox agent
)  # fmt: skip

sessions = Table(
    "sessions", metadata,
    Column("key_hash", Text, primary_key=True),  # sha256 of the cookie's secret
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("csrf", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Column("ip", Text, nullable=False, server_default=""),
    Column("user_agent", Text, nullable=False, server_default=""),
)  # fmt: skip

secrets = Table(
    "secrets", metadata,
    Column("name", Text, primary_key=True),  # e.g. "links": the key of the tokens in links
    Column("value", Text, nullable=False),
    Column("created_at", Time, nullable=False),
)  # fmt: skip

lists = Table(
    "lists", metadata, key(), _workspace(),
    Column("name", Text, nullable=False),
    Column("public", Boolean, nullable=False, server_default=false()),
    Column("double_opt_in", Boolean, nullable=False, server_default=true()),
    Column("archive", Boolean, nullable=False, server_default=false()),  # everybody may read what was sent to it
    Column("created_at", Time, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)  # fmt: skip

contacts = Table(
    "contacts", metadata, key(),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False),  # as given
    Column("email_key", Text, nullable=False),  # for comparison: lower case, domain as A-label
    Column("domain", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("attributes", Json, nullable=False),
    Column("tags", Json, nullable=False, server_default="[]"),
    Column("consent", Text, nullable=False, server_default="none"),  # the strongest that holds: express, implied, none
    Column("consent_until", Time),
    Column("tracking_consent", Boolean),  # None: not asked
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("last_delivered_at", Time),
    Column("last_opened_at", Time),  # by a person
    Column("last_clicked_at", Time),
    Column("last_replied_at", Time),
    Column("last_wrote_at", Time),  # any mail from them to us
    UniqueConstraint("workspace_id", "email_key"),
    Index("contacts_of_workspace", "workspace_id", "id"),
)  # fmt: skip

subscriptions = Table(
    "subscriptions", metadata,
    Column("list_id", Id, ForeignKey("lists.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("status", Text, nullable=False),  # pending, subscribed, unsubscribed
    Column("changed_at", Time, nullable=False),
)  # fmt: skip

attributes = Table(
    "attributes", metadata,  # what is known of the attributes of a workspace's people (marketing.attributes)
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # text, number, date, boolean, list
    Column("declared", Boolean, nullable=False, server_default=false()),  # by a person; else learned from a file
    Column("created_at", Time, nullable=False),
)  # fmt: skip

contact_pieces = Table(
    "contact_pieces", metadata,  # a copy of contacts by columns, for counting (store.columnar)
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("piece", Id, primary_key=True, autoincrement=False),
    Column("data", Bytes, nullable=False),
)  # fmt: skip

contact_copies = Table(
    "contact_copies", metadata,
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("up_to", Id, nullable=False),  # contacts up to this id are in the copy
)  # fmt: skip

contact_changes = Table(
    "contact_changes", metadata,  # contacts that are in the copy but have changed since
    Column("workspace_id", Id, primary_key=True, autoincrement=False),
    Column("contact_id", Id, primary_key=True, autoincrement=False),
    Column("deeds_only", Boolean, nullable=False, server_default=false()),  # nothing but the moments of what they did
)  # fmt: skip

consents = Table(
    "consents", metadata, key(), _workspace(),
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("list_id", Id),
    Column("kind", Text, nullable=False),  # express, implied, withdrawn
    Column("basis", Text, nullable=False),  # the words or the ground, e.g. "import: shop customers"
    Column("source", Text, nullable=False),  # form, import, api, one-click, …
    Column("ip", Text, nullable=False, server_default=""),
    Column("at", Time, nullable=False),
    Column("expires_at", Time),
    Column("form", Text, nullable=False, server_default=""),  # which form or page
    Column("text", Text, nullable=False, server_default=""),  # the words that the person saw
    Column("proof", Json),  # double opt-in: the request and the confirmation
    Column("import_id", Id),
    Index(
        "consents_for_a_time", "workspace_id", "expires_at",
        sqlite_where=text("expires_at IS NOT NULL"), postgresql_where=text("expires_at IS NOT NULL"),
    ),
)  # fmt: skip

opt_ins = Table(
    "opt_ins", metadata, key(), _workspace(),  # a double opt-in that waits for its confirmation, or had it
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("list_id", Id, ForeignKey("lists.id", ondelete="CASCADE"), nullable=False),
    Column("key_hash", Text, nullable=False, unique=True),  # sha256 of the secret in the mail
    Column("requested_at", Time, nullable=False),
    Column("ip", Text, nullable=False, server_default=""),
    Column("user_agent", Text, nullable=False, server_default=""),
    Column("form", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("expires_at", Time, nullable=False),
    Column("sent_at", Time),
    Column("message", Text, nullable=False, server_default=""),  # where the mail that was sent is kept, or its Message-ID
    Column("confirmed_at", Time),
    Column("confirmed_ip", Text, nullable=False, server_default=""),
    Column("confirmed_agent", Text, nullable=False, server_default=""),
)  # fmt: skip

segments = Table(
    "segments", metadata, key(), _workspace(),
    Column("name", Text, nullable=False),
    Column("tree", Json, nullable=False),  # marketing.segments
    Column("created_at", Time, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)  # fmt: skip

campaigns = Table(
    "campaigns", metadata, key(), _workspace(),
    Column("brand_id", Id, ForeignKey("brands.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),  # marketing.campaigns has the table of transitions
    Column("subject", Text, nullable=False),
    Column("preheader", Text, nullable=False, server_default=""),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False, server_default=""),  # empty: made from the HTML
    Column("tree", Json, nullable=False),  # who gets it: the segment as it was when the campaign started
    Column("list_id", Id),  # the list whose subscribers it is for; unsubscribing leaves this list
    Column("created_at", Time, nullable=False),
    Column("scheduled_at", Time),
    Column("started_at", Time),
    Column("finished_at", Time),
    Column("expanded_to", Id, nullable=False, server_default="0"),  # contacts up to this id are in the queue
    Column("expanded", Boolean, nullable=False, server_default=false()),
    Column("recipients", Id, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1"),  # counts changes of what the message is made of
    Column("track_opens", Boolean, nullable=False, server_default=true()),
    Column("track_clicks", Boolean, nullable=False, server_default=true()),
    Column("pool", Text, nullable=False, server_default=""),  # of source addresses; empty: the brand's
    Column("tracking", Text, nullable=False, server_default=""),  # marketing.tracking; empty: as the workspace has it
    Column("format", Text, nullable=False, server_default="html"),  # of html: marketing.markup
    Column("hourly", Integer, nullable=False, server_default="0"),  # most messages an hour; 0: no limit of its own
    Column("local_zone", Text, nullable=False, server_default=""),  # at everybody's own time; who has no zone is here
    Column("zone_attribute", Text, nullable=False, server_default="timezone"),
    Column("utm", Json, nullable=False, server_default="{}"),  # marketing.links
    Column("untracked", Json, nullable=False, server_default="[]"),  # links that lead straight to their target
    Column("repeat", Json, nullable=False, server_default="{}"),  # marketing.recurrence
    Column("series_id", Id, index=True),  # the recurring campaign that this is a run of
    Column("layout", Text, nullable=False, server_default=""),  # by name: store.blocks
    Column("variants", Json, nullable=False, server_default="{}"),  # by language: marketing.languages
    Column("archive", Text, nullable=False, server_default=""),  # of its list: yes, no, empty: if it went to all of it
    Column("segmented", Boolean, nullable=False, server_default=true()),  # it is for a part of its list
    Column("files", Json, nullable=False, server_default="[]"),  # media that go with it: marketing.enclosures
    Column("language_attribute", Text, nullable=False, server_default="language"),
    Column("resend_of", Id),  # the campaign whose non-openers this is for
)  # fmt: skip

campaign_links = Table(
    "campaign_links", metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False),  # may hold slots, filled when it is followed
    Column("label", Text, nullable=False, server_default=""),
)  # fmt: skip

engagements = Table(
    "engagements", metadata,  # what one recipient of one campaign did, first moment each
    Column("envelope_id", Id, primary_key=True, autoincrement=False),
    Column("campaign_id", Id, nullable=False, index=True),
    Column("contact_id", Id),
    Column("opened_at", Time), Column("machine_opened_at", Time), Column("clicked_at", Time), Column("machine_clicked_at", Time),
    Column("unsubscribed_at", Time), Column("complained_at", Time), Column("replied_at", Time),
    Column("deferred_at", Time),  # since when it waits after a temporary answer; None: it does not wait
    Column("bounced_at", Time),
)  # fmt: skip

link_engagements = Table(
    "link_engagements", metadata,  # who followed which link, first moment by a person
    Column("envelope_id", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("clicked_at", Time, nullable=False),
)  # fmt: skip

counters = Table(
    "counters", metadata,  # a report's figures, kept as facts arrive
    Column("campaign_id", Id, primary_key=True, autoincrement=False),
    Column("what", Text, primary_key=True),  # delivered, bounced_hard, opened, clicked, …
    Column("dimension", Text, primary_key=True, server_default=""),  # "", provider, link, hour, reason
    Column("value", Text, primary_key=True, server_default=""),
    Column("count", Id, nullable=False),
)  # fmt: skip

facts = Table(
    "facts", metadata, *fact_columns(),
    Index("facts_of_campaign", "campaign_id", "kind"), Index("facts_of_contact", "contact_id"), Index("facts_of_envelope", "envelope_id"),
    sqlite_autoincrement=True,
)  # fmt: skip

fact_cursors = Table(
    "fact_cursors", metadata,
    Column("consumer", Text, primary_key=True),
    Column("log", Text, primary_key=True),  # facts or mail_facts
    Column("position", Id, nullable=False),
)  # fmt: skip

singletons = Table(
    "singletons", metadata,  # work that only one process does at a time, by lease
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Time, nullable=False),
)  # fmt: skip

imports = Table(
    "imports", metadata, key(), _workspace(),
    Column("list_id", Id),
    Column("file_name", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("finished_at", Time),
    Column("taken", Id, nullable=False, server_default="0"),
    Column("refused", Id, nullable=False, server_default="0"),
    Column("state", Text, nullable=False, server_default="running"),  # uploaded, waiting, running, done, failed, undoing, undone
    Column("options", Json, nullable=False, server_default="{}"),  # marketing.imports
    Column("file", Text, nullable=False, server_default=""),  # where the file is
    Column("rejected_file", Text, nullable=False, server_default=""),
    Column("size", Id, nullable=False, server_default="0"),
    Column("position", Id, nullable=False, server_default="0"),  # bytes read
    Column("rows", Id, nullable=False, server_default="0"),
    Column("created", Id, nullable=False, server_default="0"),
    Column("updated", Id, nullable=False, server_default="0"),
    Column("joined", Id, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("by", Text, nullable=False, server_default=""),
)  # fmt: skip

import_changes = Table(
    "import_changes", metadata,  # what an import did to whom, to undo it
    Column("import_id", Id, ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", Id, primary_key=True, autoincrement=False),
    Column("what", Integer, nullable=False),  # bits: 1 made, 2 changed, 4 joined the list
    Column("before", Json),  # of a changed one: name, attributes, tags as they were, and as the import left them
    Column("status", Text),  # on the list before
)  # fmt: skip
