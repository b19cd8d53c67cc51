"""Why an erased address stays suppressed; stored messages by address."""

import sqlalchemy as sa
from alembic import op

revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('erased') as batch_op:
        batch_op.add_column(sa.Column('reason', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('suppressed_at', sa.Double(), nullable=True))
    there = sa.text('outgoing_id IS NOT NULL')
    op.create_index(
        'envelopes_to_address', 'envelopes', ['site', 'address'], sqlite_where=there, postgresql_where=there
    )
