"""The tables of how mail is secured on its way: policies of other domains. [pure]

They belong to the main half; `store.sts_policies` speaks to them.
"""

from sqlalchemy import Column, Integer, Table, Text

from lettershop.store.columns import Time
from lettershop.store.schema_main import metadata

sts_policies = Table(
    "sts_policies", metadata,  # MTA-STS (RFC 8461): what a domain demands of those who bring it mail
    Column("domain", Text, primary_key=True),
    Column("policy_id", Text, nullable=False),  # of the DNS record under which it was fetched
    Column("mode", Text, nullable=False),  # enforce, testing, none
    Column("mx", Text, nullable=False),  # patterns, a blank between
    Column("max_age", Integer, nullable=False),
    Column("fetched_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
)  # fmt: skip
