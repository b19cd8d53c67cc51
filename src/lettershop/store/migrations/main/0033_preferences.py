"""What people want of us, and their requests about their data."""

import sqlalchemy as sa
from alembic import op

revision = '0033'
down_revision = '0032'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'preferences',
        sa.Column('contact_id', ID, autoincrement=False, nullable=False),
        sa.Column('workspace_id', ID, nullable=False),
        sa.Column('paused_until', sa.Double(), nullable=True),
        sa.Column('every_days', sa.Integer(), server_default='0', nullable=False),
        sa.Column('changed_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('contact_id'),
    )
    op.create_index('ix_preferences_workspace_id', 'preferences', ['workspace_id'])
    op.create_table(
        'data_requests',
        sa.Column('id', ID, autoincrement=True, nullable=False),
        sa.Column('workspace_id', ID, nullable=False),
        sa.Column('contact_id', ID, nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('key_hash', sa.Text(), nullable=False),
        sa.Column('requested_at', sa.Double(), nullable=False),
        sa.Column('expires_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('key_hash'),
    )
    op.create_index('ix_data_requests_contact_id', 'data_requests', ['contact_id'])
