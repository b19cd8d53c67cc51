"""Conversations about campaigns."""

import sqlalchemy as sa
from alembic import op

revision = '0032'
down_revision = '0031'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'conversations',
        sa.Column('id', ID, nullable=False),
        sa.Column('workspace_id', ID, nullable=False),
        sa.Column('campaign_id', ID, nullable=False),
        sa.Column('contact_id', ID, nullable=False),
        sa.Column('envelope_id', ID, nullable=True),
        sa.Column('subject', sa.Text(), server_default='', nullable=False),
        sa.Column('state', sa.Integer(), server_default='0', nullable=False),
        sa.Column('last_at', sa.Double(), nullable=False),
        sa.Column('awaits_us', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('campaign_id', 'contact_id'),
    )
    op.create_index('ix_conversations_contact_id', 'conversations', ['contact_id'])
    op.create_index('conversations_by_state', 'conversations', ['workspace_id', 'state', 'last_at'])
    op.create_table(
        'conversation_messages',
        sa.Column('id', ID, nullable=False),
        sa.Column('conversation_id', ID, nullable=False),
        sa.Column('at', sa.Double(), nullable=False),
        sa.Column('ours', sa.Boolean(), nullable=False),
        sa.Column('author', sa.Text(), nullable=False),
        sa.Column('reply_to', sa.Text(), server_default='', nullable=False),
        sa.Column('message_id', sa.Text(), nullable=False),
        sa.Column('thread', sa.Text(), server_default='', nullable=False),
        sa.Column('text', sa.Text(), server_default='', nullable=False),
        sa.Column('files', sa.Integer(), server_default='0', nullable=False),
        sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('conversation_id', 'message_id'),
    )
