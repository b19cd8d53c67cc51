"""Layouts, blocks, settings of brands, languages of campaigns and templates; designs of started campaigns."""

import sqlalchemy as sa
from alembic import op

from lettershop.store.columns import Id, Json

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'blocks',
        sa.Column('id', Id, autoincrement=True, nullable=False),
        sa.Column('workspace_id', Id, nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('layout', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('html', sa.Text(), server_default='', nullable=False),
        sa.Column('text', sa.Text(), server_default='', nullable=False),
        sa.Column('format', sa.Text(), server_default='html', nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('updated_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('workspace_id', 'name'),
    )
    op.create_table(
        'campaign_designs',
        sa.Column('campaign_id', Id, nullable=False),
        sa.Column('design', Json, nullable=False),
        sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('campaign_id'),
    )
    op.add_column('brands', sa.Column('settings', Json, server_default='{}', nullable=False))
    for table in ('campaigns', 'templates'):
        op.add_column(table, sa.Column('layout', sa.Text(), server_default='', nullable=False))
        op.add_column(table, sa.Column('variants', Json, server_default='{}', nullable=False))
    op.add_column('campaigns', sa.Column('language_attribute', sa.Text(), server_default='language', nullable=False))
