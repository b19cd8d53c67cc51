"""What senders want to be told of their messages."""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('dsn_wishes',
    sa.Column('envelope_id', ID, autoincrement=False, nullable=False),
    sa.Column('notify', sa.Text(), server_default='', nullable=False),
    sa.Column('orcpt', sa.Text(), server_default='', nullable=False),
    sa.Column('ret', sa.Text(), server_default='', nullable=False),
    sa.Column('envid', sa.Text(), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['envelope_id'], ['envelopes.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('envelope_id')
    )
