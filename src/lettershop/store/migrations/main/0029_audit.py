"""Who did what."""

import sqlalchemy as sa
from alembic import op

revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'audit',
        sa.Column('id', ID, nullable=False),
        sa.Column('workspace_id', ID, nullable=True),
        sa.Column('at', sa.Double(), nullable=False),
        sa.Column('door', sa.Text(), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('action', sa.Text(), nullable=False),
        sa.Column('target', sa.Text(), server_default='', nullable=False),
        sa.Column('ip', sa.Text(), server_default='', nullable=False),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('ix_audit_workspace_id', 'audit', ['workspace_id'])
    op.create_index('ix_audit_at', 'audit', ['at'])
