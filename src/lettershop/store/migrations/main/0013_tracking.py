"""How much is recorded of what readers do: by workspace, and by campaign."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('workspace_tracking',
    sa.Column('workspace_id', ID, autoincrement=False, nullable=False),
    sa.Column('mode', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('workspace_id')
    )
    op.add_column('campaigns', sa.Column('tracking', sa.Text(), server_default='', nullable=False))
