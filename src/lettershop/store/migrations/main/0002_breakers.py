"""Circuit breakers; lanes that are slowed down."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('lanes', sa.Column('per_second', sa.Double(), nullable=True))
    op.add_column('lanes', sa.Column('taken_until', sa.Double(), server_default='0', nullable=False))
    op.create_table('breakers',
    sa.Column('campaign_id', ID, autoincrement=False, nullable=False),
    sa.Column('provider', sa.Text(), server_default='', nullable=False),
    sa.Column('level', sa.Integer(), server_default='0', nullable=False),
    sa.Column('scope', sa.Text(), server_default='', nullable=False),
    sa.Column('cause', sa.Text(), server_default='', nullable=False),
    sa.Column('words', sa.Text(), server_default='', nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('per_second', sa.Double(), nullable=True),
    sa.Column('delivered', ID, server_default='0', nullable=False),
    sa.Column('bounced_hard', ID, server_default='0', nullable=False),
    sa.Column('bounced_soft', ID, server_default='0', nullable=False),
    sa.Column('complained', ID, server_default='0', nullable=False),
    sa.PrimaryKeyConstraint('campaign_id', 'provider')
    )
