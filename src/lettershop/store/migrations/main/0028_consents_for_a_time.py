"""Consents that run out are found quickly."""

import sqlalchemy as sa
from alembic import op

revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None


def upgrade() -> None:
    held = sa.text('expires_at IS NOT NULL')
    op.create_index(
        'consents_for_a_time', 'consents', ['workspace_id', 'expires_at'], sqlite_where=held, postgresql_where=held
    )
