"""The migrations build exactly the schema, on both engines; and there is no way back but a backup."""

import re
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from tests.contracts.source import PACKAGE, report

from lettershop.store.migrate import MAIL, MAIN, Half, run, upgrade

STEPS = sorted((PACKAGE / "store" / "migrations").glob("*/*.py"))


def differences(conn: Connection, half: Half) -> list[Any]:
    """What Alembic would still have to do to reach the schema."""
    context = MigrationContext.configure(
        conn,
        opts={
            "compare_type": True,
            "compare_server_default": same_default,
            "include_name": lambda name, kind, _parents: kind != "table" or name in half.metadata.tables,
        },
    )
    return list(compare_metadata(context, half.metadata))


def same_default(
    _context: Any, _there: Any, _ours: Any, there: str | None, _default: Any, ours: str | None
) -> bool | None:
    """False: no difference. SQLite tells of an empty text as ('') and Alembic takes that for another; the rest it knows."""
    return False if there == "('')" and ours == "" else None


@pytest.mark.parametrize("half", [MAIL, MAIN], ids=lambda half: half.name)
async def test_the_migrations_build_the_schema(database_url: str, half: Half) -> None:
    await upgrade(database_url)

    left = await run(database_url, half, lambda conn: differences(conn, half))

    assert not left, report([str(difference) for difference in left])


async def test_a_missing_table_would_be_seen(database_url: str) -> None:
    await upgrade(database_url)
    table = next(iter(MAIL.metadata.sorted_tables[::-1]))

    def drop(conn: Connection) -> list[Any]:
        table.drop(conn)
        return differences(conn, MAIL)

    assert await run(database_url, MAIL, drop)


async def test_starting_again_changes_nothing(database_url: str) -> None:
    await upgrade(database_url)
    await upgrade(database_url)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.parent.name}/{step.stem}")
def test_no_step_offers_a_way_back(step: Any) -> None:
    """A downgrade drops what people have entered since; going back is restoring a backup."""
    assert not re.search(r"def downgrade\(.*\n(?!\s+raise )", step.read_text())


def test_both_halves_have_steps_and_no_table_in_common() -> None:
    """On PostgreSQL both halves live in one database."""
    assert {step.parent.name for step in STEPS} == {MAIL.name, MAIN.name}
    assert set(MAIL.metadata.tables) & set(MAIN.metadata.tables) == set()
