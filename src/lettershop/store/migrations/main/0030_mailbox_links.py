"""Who may open which mail account in the web interface."""

import sqlalchemy as sa
from alembic import op

revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'mailbox_links',
        sa.Column('user_id', ID, autoincrement=False, nullable=False),
        sa.Column('account_id', ID, autoincrement=False, nullable=False),
        sa.Column('account_since', sa.Double(), nullable=False),
        sa.Column('proof', sa.Text(), server_default='', nullable=False),
        sa.Column('made_at', sa.Double(), nullable=False),
        sa.Column('made_by', sa.Text(), server_default='', nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('user_id', 'account_id'),
    )
