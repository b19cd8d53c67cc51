"""Every hit with its verdict."""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('hits',
    sa.Column('fact_id', ID, autoincrement=False, nullable=False),
    sa.Column('envelope_id', ID, nullable=False),
    sa.Column('campaign_id', ID, nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('link', sa.Integer(), nullable=False),
    sa.Column('machine', sa.Boolean(), nullable=False),
    sa.Column('score', sa.Double(), nullable=False),
    sa.Column('reasons', sa.Text(), nullable=False),
    sa.Column('device', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('fact_id')
    )
    op.create_index(op.f('ix_hits_envelope_id'), 'hits', ['envelope_id'], unique=False)
    op.create_index(op.f('ix_hits_campaign_id'), 'hits', ['campaign_id'], unique=False)
