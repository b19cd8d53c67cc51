"""What changed of a contact: only what they did, or anything."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('contact_changes', sa.Column('deeds_only', sa.Boolean(), server_default=sa.false(), nullable=False))
