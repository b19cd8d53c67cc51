"""Warm-up of new addresses and domains."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
COUNTS = ('delivered', 'bounced_hard', 'complained', 'tracked', 'opened', 'clicked', 'replied')


def upgrade() -> None:
    op.create_table('warmups',
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('domain', sa.Text(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('step', sa.Integer(), server_default='0', nullable=False),
    sa.Column('day', sa.Integer(), nullable=False),
    sa.Column('handed_out', ID, server_default='0', nullable=False),
    sa.Column('ended', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('why', sa.Text(), server_default='', nullable=False),
    sa.Column('started_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('source', 'domain', 'provider')
    )
    op.create_table('warmup_days',
    sa.Column('domain', sa.Text(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('day', sa.Integer(), autoincrement=False, nullable=False),
    *(sa.Column(name, ID, server_default='0', nullable=False) for name in COUNTS),
    sa.PrimaryKeyConstraint('domain', 'provider', 'day')
    )
