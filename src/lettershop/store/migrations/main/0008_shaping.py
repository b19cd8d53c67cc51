"""How source addresses stand at sites; which site takes a domain; pools of source addresses."""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

FIGURES = (
    'window', 'ceiling', 'throttle', 'throttled_from', 'rests_until', 'failures', 'suspended_until', 'strikes', 'told',
    'narrow_until', 'narrow_connections', 'narrow_rate', 'connections', 'speed', 'waiting', 'most', 'per_minute',
)


def upgrade() -> None:
    for table, column in (('lanes', 'sender'), ('lanes', 'pool'), ('campaigns', 'pool'), ('brands', 'pool')):
        op.add_column(table, sa.Column(column, sa.Text(), server_default='', nullable=False))
    op.create_table('site_states',
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('site', sa.Text(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    *(sa.Column(name, sa.Double(), server_default='0', nullable=False) for name in FIGURES),
    sa.Column('why', sa.Text(), server_default='', nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('lifted_at', sa.Double(), server_default='0', nullable=False),
    sa.PrimaryKeyConstraint('source', 'site')
    )
    op.create_table('domain_sites',
    sa.Column('domain', sa.Text(), nullable=False),
    sa.Column('site', sa.Text(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('domain')
    )
    with op.batch_alter_table('domain_sites', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_domain_sites_site'), ['site'], unique=False)
