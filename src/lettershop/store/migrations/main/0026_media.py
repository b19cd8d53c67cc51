"""The media library; files of campaigns."""

import sqlalchemy as sa
from alembic import op

from lettershop.store.columns import Id, Json

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'media',
        sa.Column('id', Id, autoincrement=True, nullable=False),
        sa.Column('workspace_id', Id, nullable=False),
        sa.Column('hash', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('content_type', sa.Text(), nullable=False),
        sa.Column('size', Id, nullable=False),
        sa.Column('width', sa.Integer(), nullable=False),
        sa.Column('height', sa.Integer(), nullable=False),
        sa.Column('blob', sa.Text(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('workspace_id', 'hash'),
    )
    op.create_index(op.f('ix_media_hash'), 'media', ['hash'])
    op.add_column('campaigns', sa.Column('files', Json, server_default='[]', nullable=False))
