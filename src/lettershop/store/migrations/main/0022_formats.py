"""Bodies in MJML and Markdown."""

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ('campaigns', 'templates'):
        op.add_column(table, sa.Column('format', sa.Text(), server_default='html', nullable=False))
