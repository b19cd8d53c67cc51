"""Campaigns: their own pace, everybody's own time, repeats and resends, UTM."""

import sqlalchemy as sa
from alembic import op

from lettershop.store.columns import Id, Json

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column('hourly', sa.Integer(), server_default='0', nullable=False),
        sa.Column('local_zone', sa.Text(), server_default='', nullable=False),
        sa.Column('zone_attribute', sa.Text(), server_default='timezone', nullable=False),
        sa.Column('utm', Json, server_default='{}', nullable=False),
        sa.Column('untracked', Json, server_default='[]', nullable=False),
        sa.Column('repeat', Json, server_default='{}', nullable=False),
        sa.Column('series_id', Id, nullable=True),
        sa.Column('resend_of', Id, nullable=True),
    ):
        op.add_column('campaigns', column)
    op.create_index(op.f('ix_campaigns_series_id'), 'campaigns', ['series_id'])
