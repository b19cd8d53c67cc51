"""Which provider took the mail of a recipient domain, for the figures of warm-up."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('warmup_days', sa.Column('belongs', sa.Text(), server_default='', nullable=False))
