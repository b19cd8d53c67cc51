"""Policies of MTA-STS."""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('sts_policies',
    sa.Column('domain', sa.Text(), nullable=False),
    sa.Column('policy_id', sa.Text(), nullable=False),
    sa.Column('mode', sa.Text(), nullable=False),
    sa.Column('mx', sa.Text(), nullable=False),
    sa.Column('max_age', sa.Integer(), nullable=False),
    sa.Column('fetched_at', sa.Double(), nullable=False),
    sa.Column('expires_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('domain')
    )
    with op.batch_alter_table('sts_policies', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sts_policies_expires_at'), ['expires_at'], unique=False)
