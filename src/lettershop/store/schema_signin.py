"""The tables of the second step of signing in: a person's secret, recovery codes, sign-ins that wait for their code,
failed tries. [pure]

They belong to the main half; `store.second_factors` and `store.tries` speak to them.
"""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from lettershop.store.columns import Id, Time
from lettershop.store.schema_main import metadata

second_factors = Table(
    "second_factors", metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("secret", Text, nullable=False),  # base32, shared with the person's device; sealed (mail.sealing)
    Column("created_at", Time, nullable=False),
    Column("confirmed_at", Time),  # NULL: shown, but no code of it was seen yet
    Column("last_step", Id, nullable=False, server_default="0"),  # of time; a code counts once
)  # fmt: skip

recovery_codes = Table(
    "recovery_codes", metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("key_hash", Text, primary_key=True),  # sha256; the row goes when the code is used
)  # fmt: skip

failed_tries = Table(
    "failed_tries", metadata,
    Column("key_hash", Text, primary_key=True),  # sha256 of the purpose and an account or an address
    Column("count", Integer, nullable=False),
    Column("last_at", Time, nullable=False, index=True),
)  # fmt: skip

half_sign_ins = Table(
    "half_sign_ins", metadata,  # the password was right, the code is to come
    Column("key_hash", Text, primary_key=True),  # sha256 of what the browser holds
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", Time, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
)  # fmt: skip
