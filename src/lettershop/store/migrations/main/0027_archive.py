"""The public archive of lists."""

import sqlalchemy as sa
from alembic import op

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('lists', sa.Column('archive', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('campaigns', sa.Column('archive', sa.Text(), server_default='', nullable=False))
    op.add_column('campaigns', sa.Column('segmented', sa.Boolean(), server_default=sa.true(), nullable=False))
