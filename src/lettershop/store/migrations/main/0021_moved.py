"""Lanes of what an operator moved to another pool of source addresses."""

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

KEY = ['workspace_id', 'campaign_id', 'priority', 'moved']


def upgrade() -> None:
    moved = sa.Column('moved', sa.Text(), server_default='', nullable=False)
    if op.get_bind().dialect.name == 'postgresql':
        op.add_column('lanes', moved)
        op.drop_constraint('lanes_workspace_id_campaign_id_priority_key', 'lanes', type_='unique')
        op.create_unique_constraint(None, 'lanes', KEY)
        return
    with op.batch_alter_table('lanes', naming_convention={'uq': 'uq_%(table_name)s'}, recreate='always') as batch_op:
        batch_op.add_column(moved)
        batch_op.drop_constraint('uq_lanes', type_='unique')
        batch_op.create_unique_constraint('uq_lanes', KEY)
