"""How connections to domains went, and who was told."""

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('tls_results',
    sa.Column('day', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('domain', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('policy', sa.Text(), nullable=False),
    sa.Column('failure', sa.Text(), nullable=False),
    sa.Column('mx', sa.Text(), nullable=False),
    sa.Column('receiving_ip', sa.Text(), nullable=False),
    sa.Column('sending_ip', sa.Text(), nullable=False),
    sa.Column('sessions', ID, nullable=False),
    sa.PrimaryKeyConstraint('day', 'domain', 'kind', 'policy', 'failure', 'mx', 'receiving_ip', 'sending_ip')
    )
    op.create_table('tls_reports',
    sa.Column('day', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('domain', sa.Text(), nullable=False),
    sa.Column('sent_to', sa.Text(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'domain')
    )
