"""What came back is found by person and by message."""

from alembic import op
from sqlalchemy import text

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ('contact', 'envelope'):
        there = text(f'{name}_id IS NOT NULL')
        op.create_index(
            f'mail_facts_of_{name}', 'mail_facts', [f'{name}_id'], sqlite_where=there, postgresql_where=there
        )
