"""The tables of how mail is secured on its way: policies of other domains, what came of connections to them. [pure]

They belong to the main half; `store.sts_policies` and `store.tls_results` speak to them.
"""

from sqlalchemy import Column, Integer, Table, Text

from lettershop.store.columns import Id, Time
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

tls_results = Table(
    "tls_results", metadata,  # how connections to domains went, as TLS reports tell it (RFC 8460); counted, not listed
    Column("day", Integer, primary_key=True, autoincrement=False),  # UTC day by number
    Column("domain", Text, primary_key=True),  # of the recipients
    Column("kind", Text, primary_key=True),  # sts, tlsa, no-policy-found
    Column("policy", Text, primary_key=True),  # its text, line by line
    Column("failure", Text, primary_key=True),  # empty: it went well
    Column("mx", Text, primary_key=True),  # the host, its address and ours; empty where it went well
    Column("receiving_ip", Text, primary_key=True),
    Column("sending_ip", Text, primary_key=True),
    Column("sessions", Id, nullable=False),
)  # fmt: skip

tls_reports = Table(
    "tls_reports", metadata,  # days of domains that are done with
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("domain", Text, primary_key=True),
    Column("sent_to", Text, nullable=False),  # empty: the domain wants no report
    Column("at", Time, nullable=False),
)  # fmt: skip
