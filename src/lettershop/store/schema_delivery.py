"""The tables of delivery: queue, suppressions, breakers, warm-up, how receivers' sites stand. [pure]

They belong to the main half; `store.lanes`, `store.envelopes`, `store.outgoing`, `store.suppressions`, `store.sites` and their
neighbours speak to them.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, false, text

from lettershop.store.columns import Id, Time, key
from lettershop.store.schema_main import metadata

outgoing = Table(
    "outgoing", metadata, key(),  # a stored message on its way out; its recipients are envelopes
    Column("workspace_id", Id),
    Column("mail_from", Text, nullable=False),  # empty: the null sender
    Column("blob", Text, nullable=False),
    Column("size", Id, nullable=False),
    Column("stream", Text, nullable=False, server_default="transactional"),
    Column("created_at", Time, nullable=False),
    Column("tls", Text, nullable=False, server_default=""),  # require, optional (RFC 8689); empty: as the receivers want it
)  # fmt: skip

lanes = Table(
    "lanes", metadata, key(),  # a queue in order of due time; every envelope waits in exactly one (store.envelopes)
    Column("workspace_id", Id, nullable=False),  # 0: none
    Column("campaign_id", Id, nullable=False),  # 0: stored messages
    Column("priority", Integer, nullable=False),  # 0 first
    Column("state", Integer, nullable=False, server_default="0"),
    Column("touched_at", Time, nullable=False),
    Column("per_second", Time),  # most messages a second, of all processes together; None: no limit
    Column("taken_until", Time, nullable=False, server_default="0"),  # what the limit allowed until then was taken
    Column("sender", Text, nullable=False, server_default=""),  # domain of its senders, where all have the same
    Column("pool", Text, nullable=False, server_default=""),  # of source addresses; empty: by sender and stream
    Column("moved", Text, nullable=False, server_default=""),  # the pool to which an operator moved what waits here
    UniqueConstraint("workspace_id", "campaign_id", "priority", "moved"),
)  # fmt: skip

LANE_OPEN, LANE_HELD, LANE_CANCELLED = range(3)
"""States of a lane: pausing a campaign of a million changes one row."""

QUEUED, LEASED, DELIVERED, BOUNCED, EXPIRED, WITHHELD = range(6)
"""States of an envelope. BOUNCED: refused for good; EXPIRED: given up after temporary answers; WITHHELD: never tried."""

envelopes = Table(
    "envelopes", metadata, key(),
    Column("lane_id", Id, nullable=False),
    Column("workspace_id", Id),
    Column("campaign_id", Id),  # a recipe: rendered when a connection is ready …
    Column("contact_id", Id),
    Column("outgoing_id", Id),  # … or a stored message
    Column("address", Text),  # of a stored message, or kept once a campaign's recipient was tried
    Column("site", Text, nullable=False),  # recipient domain
    Column("state", Integer, nullable=False, server_default="0"),
    Column("due_at", Time, nullable=False),
    Column("created_at", Time, nullable=False),  # the hand-over: when it was queued, or first due if that is later
    Column("expires_at", Time, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("owner", Text),  # the process that holds the lease
    Column("leased_until", Time),
    Column("finished_at", Time),
    Column("answer", Text),  # the end of the last attempt's dialogue
    Index("envelopes_due", "lane_id", "due_at", sqlite_where=text("state = 0"), postgresql_where=text("state = 0")),
    Index("envelopes_leased", "leased_until", sqlite_where=text("state = 1"), postgresql_where=text("state = 1")),
    Index("envelopes_of_campaign", "campaign_id", "state"),
    Index("envelopes_of_contact", "contact_id"),
    Index(
        "envelopes_of_outgoing", "outgoing_id",
        sqlite_where=text("outgoing_id IS NOT NULL"), postgresql_where=text("outgoing_id IS NOT NULL"),
    ),
    Index(
        "envelopes_to_address", "site", "address",
        sqlite_where=text("outgoing_id IS NOT NULL"), postgresql_where=text("outgoing_id IS NOT NULL"),
    ),
)  # fmt: skip

dialogues = Table(
    "dialogues", metadata,  # what was said at the last attempt, of what waits or failed; never of what went at once
    Column("envelope_id", Id, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False, index=True),
    Column("text", Text, nullable=False),
)  # fmt: skip

dsn_wishes = Table(
    "dsn_wishes", metadata,  # what the sender of a stored message wants to be told (store.wishes)
    Column("envelope_id", Id, ForeignKey("envelopes.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("notify", Text, nullable=False, server_default=""),
    Column("orcpt", Text, nullable=False, server_default=""),
    Column("ret", Text, nullable=False, server_default=""),
    Column("envid", Text, nullable=False, server_default=""),
)  # fmt: skip

HELD = 1e11
"""Added to the time of an operator's hold it makes `due_at`: a far future, from which the time of the hold can be read."""

suppressions = Table(
    "suppressions", metadata,
    Column("workspace_id", Id, primary_key=True, autoincrement=False),  # 0: for everybody
    Column("email_key", Text, primary_key=True),
    Column("reason", Text, nullable=False),  # hard-bounce, soft-bounces, complaint, unsubscribed, manual
    Column("detail", Text, nullable=False, server_default=""),
    Column("campaign_id", Id),
    Column("at", Time, nullable=False),
)  # fmt: skip

bounce_samples = Table(
    "bounce_samples", metadata,  # one answer as an example for each reason
    Column("campaign_id", Id, primary_key=True, autoincrement=False),
    Column("reason", Text, primary_key=True),
    Column("hard", Boolean, primary_key=True),
    Column("example", Text, nullable=False),
    Column("advice", Text, nullable=False),
)  # fmt: skip

soft_bounces = Table(
    "soft_bounces", metadata,  # in a row, without a delivery between (store.soft_bounces)
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Time, nullable=False),
    Column("last_at", Time, nullable=False),
)  # fmt: skip

breakers = Table(
    "breakers", metadata,  # circuit breakers that have tripped (egress.breakers); a row stays, so that the past can be told
    Column("campaign_id", Id, primary_key=True, autoincrement=False),
    Column("provider", Text, primary_key=True, server_default=""),  # empty: the whole campaign
    Column("level", Integer, nullable=False, server_default="0"),  # 0 goes on, 1 slowly, 2 held back
    Column("scope", Text, nullable=False, server_default=""),  # campaign, provider, domain: what was counted
    Column("cause", Text, nullable=False, server_default=""),  # bounces, complaints
    Column("words", Text, nullable=False, server_default=""),
    Column("at", Time, nullable=False),
    Column("per_second", Time),  # of a provider that is slowed down
    # what had been counted when somebody resumed it; it does not count again
    Column("delivered", Id, nullable=False, server_default="0"),
    Column("bounced_hard", Id, nullable=False, server_default="0"),
    Column("bounced_soft", Id, nullable=False, server_default="0"),
    Column("complained", Id, nullable=False, server_default="0"),
)  # fmt: skip

warmups = Table(
    "warmups", metadata,  # how far the warm-up of an address and a domain at a provider is (egress.warmup)
    Column("source", Text, primary_key=True),  # egress address; empty: the system chooses
    Column("domain", Text, primary_key=True),  # of the sender
    Column("provider", Text, primary_key=True),
    Column("step", Integer, nullable=False, server_default="0"),
    Column("day", Integer, nullable=False),  # UTC day by number; the day of `step` and `handed_out`
    Column("handed_out", Id, nullable=False, server_default="0"),  # messages that processes may send or have sent that day
    Column("ended", Boolean, nullable=False, server_default=false()),
    Column("why", Text, nullable=False, server_default=""),
    Column("started_at", Time, nullable=False),
)  # fmt: skip

warmup_days = Table(
    "warmup_days", metadata,  # what a day brought, in people; kept for the domains that are warmed up
    Column("domain", Text, primary_key=True),
    Column("provider", Text, primary_key=True),  # as campaigns are counted: the recipient domain
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("belongs", Text, nullable=False, server_default=""),  # the provider in `warmups` that took its mail that day
    *(Column(name, Id, nullable=False, server_default="0") for name in (
        "delivered", "bounced_hard", "complained", "tracked", "opened", "clicked", "replied",
    )),
)  # fmt: skip

site_states = Table(
    "site_states", metadata,  # how a source address stands at a site (egress.pace), written on change
    Column("source", Text, primary_key=True),  # egress address; empty: the system chooses
    Column("site", Text, primary_key=True),
    Column("provider", Text, nullable=False),  # row of the table of limits
    *(Column(name, Time, nullable=False, server_default="0") for name in (
        "window", "ceiling", "throttle", "throttled_from", "rests_until", "failures", "suspended_until", "strikes", "told",
        "narrow_until", "narrow_connections", "narrow_rate",  # what is kept over a restart …
        "connections", "speed", "waiting", "most", "per_minute",  # … and what is only for people
    )),
    Column("why", Text, nullable=False, server_default=""),
    Column("at", Time, nullable=False),
    Column("lifted_at", Time, nullable=False, server_default="0"),  # when an operator ended a suspension
)  # fmt: skip

domain_sites = Table(
    "domain_sites", metadata,  # which site takes a domain's mail, as it was seen last
    Column("domain", Text, primary_key=True),
    Column("site", Text, nullable=False, index=True),
    Column("provider", Text, nullable=False),
)  # fmt: skip
