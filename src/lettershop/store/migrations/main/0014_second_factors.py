"""The second step of signing in."""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('second_factors',
    sa.Column('user_id', ID, autoincrement=False, nullable=False),
    sa.Column('secret', sa.Text(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('confirmed_at', sa.Double(), nullable=True),
    sa.Column('last_step', ID, server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id')
    )
    op.create_table('recovery_codes',
    sa.Column('user_id', ID, autoincrement=False, nullable=False),
    sa.Column('key_hash', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'key_hash')
    )
    op.create_table('half_sign_ins',
    sa.Column('key_hash', sa.Text(), nullable=False),
    sa.Column('user_id', ID, nullable=False),
    sa.Column('expires_at', sa.Double(), nullable=False),
    sa.Column('tries', sa.Integer(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('key_hash')
    )
    with op.batch_alter_table('half_sign_ins', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_half_sign_ins_user_id'), ['user_id'], unique=False)
