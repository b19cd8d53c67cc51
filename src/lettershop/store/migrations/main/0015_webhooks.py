"""Webhooks, their deliveries, ranges that are told again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('webhooks',
    sa.Column('id', ID, autoincrement=True, nullable=False),
    sa.Column('workspace_id', ID, nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('kinds', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('secret', sa.Text(), nullable=False),
    sa.Column('old_secret', sa.Text(), nullable=True),
    sa.Column('old_secret_until', sa.Double(), nullable=True),
    sa.Column('active', sa.Boolean(), server_default=sa.true(), nullable=False),
    sa.Column('off_why', sa.Text(), server_default='', nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('created_by', sa.Text(), server_default='', nullable=False),
    sa.Column('facts_position', ID, nullable=False),
    sa.Column('mail_facts_position', ID, nullable=False),
    sa.Column('failures', sa.Integer(), server_default='0', nullable=False),
    sa.Column('failing_since', sa.Double(), nullable=True),
    sa.Column('rests_until', sa.Double(), server_default='0', nullable=False),
    sa.Column('delivered_at', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('webhooks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhooks_workspace_id'), ['workspace_id'], unique=False)

    op.create_table('webhook_deliveries',
    sa.Column('id', ID, autoincrement=True, nullable=False),
    sa.Column('webhook_id', ID, nullable=False),
    sa.Column('event_id', sa.Text(), nullable=False),
    sa.Column('log', sa.Text(), nullable=False),
    sa.Column('fact_id', ID, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('happened_at', sa.Double(), nullable=False),
    sa.Column('state', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('due_at', sa.Double(), nullable=False),
    sa.Column('tried_at', sa.Double(), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('answer', sa.Text(), server_default='', nullable=False),
    sa.Column('seconds', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhooks.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('webhook_id', 'event_id')
    )
    with op.batch_alter_table('webhook_deliveries', schema=None) as batch_op:
        batch_op.create_index('webhook_deliveries_due', ['webhook_id', 'due_at'], unique=False, sqlite_where=sa.text('state = 0'), postgresql_where=sa.text('state = 0'))
        batch_op.create_index('webhook_deliveries_of', ['webhook_id', 'id'], unique=False)

    op.create_table('webhook_replays',
    sa.Column('id', ID, autoincrement=True, nullable=False),
    sa.Column('webhook_id', ID, nullable=False),
    sa.Column('log', sa.Text(), nullable=False),
    sa.Column('since', sa.Double(), nullable=False),
    sa.Column('until', sa.Double(), nullable=False),
    sa.Column('position', ID, nullable=False),
    sa.Column('last', ID, nullable=False),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhooks.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('webhook_replays', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhook_replays_webhook_id'), ['webhook_id'], unique=False)
