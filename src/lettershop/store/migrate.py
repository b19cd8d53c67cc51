"""Brings both halves of the database to the newest schema; safe to call at every start.

The steps are Alembic revisions, a line of them per half: `migrations/mail` and `migrations/main`, each with a version
table of its own so that on PostgreSQL both live in one database. `tests/contracts` holds migrations == schema.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.ext.asyncio import create_async_engine

from lettershop.store import (
    schema_analytics,
    schema_api,
    schema_content,
    schema_delivery,
    schema_inbox,
    schema_mail,
    schema_main,
    schema_people,
    schema_signin,
    schema_transport,
    schema_webhooks,
    schema_webmail,
)
from lettershop.store.database import Database
from lettershop.store.postgresql import PostgresqlDatabase, async_url
from lettershop.store.sqlite import SqliteDatabase, engine_for


@dataclass(frozen=True, slots=True)
class Half:
    """One half of the schema."""

    name: str
    parts: tuple[ModuleType, ...]
    """Modules that add their tables to the first one's metadata."""
    log: Table

    @property
    def metadata(self) -> MetaData:
        """The tables of all parts."""
        metadata: MetaData = self.parts[0].metadata
        return metadata

    @property
    def version_table(self) -> str:
        """Where Alembic notes how far this half is."""
        return f"schema_version_{self.name}"


MAIL = Half("mail", (schema_mail,), schema_mail.mail_facts)
MAIN = Half(
    "main",
    (
        schema_main,
        schema_delivery,
        schema_api,
        schema_analytics,
        schema_signin,
        schema_webhooks,
        schema_transport,
        schema_content,
        schema_webmail,
        schema_inbox,
        schema_people,
    ),
    schema_main.facts,
)

T = TypeVar("T")

MIGRATION_LOCK = 7_204_510


def sqlite_path(url: str, half: Half) -> Path:
    """The file of one half: lettershop.db for main, lettershop-mail.db beside it for mail."""
    path = Path(url.removeprefix("sqlite:///"))
    return path if half is MAIN else path.with_name(f"{path.stem}-{half.name}{path.suffix}")


def open_half(url: str, half: Half) -> Database:
    """The running database of one half; its schema must be there (`upgrade`). Call from within the event loop."""
    if url.startswith("sqlite:"):
        return SqliteDatabase(sqlite_path(url, half), half.log)
    return PostgresqlDatabase(url, half.log)


async def upgrade(url: str) -> None:
    """Bring both halves to the newest schema. Several processes may call it at once: one works, the others wait."""
    for half in (MAIL, MAIN):
        await run(url, half, partial(_upgrade, half=half))


def _upgrade(conn: Connection, half: Half) -> None:
    command.upgrade(alembic_config(conn, half), "head")


async def run(url: str, half: Half, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction that keeps other migrators out."""
    if url.startswith("sqlite:"):
        return await asyncio.to_thread(_run_sqlite, sqlite_path(url, half), work)
    engine = create_async_engine(async_url(url))
    try:
        async with engine.begin() as conn:
            await conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            return await conn.run_sync(work)
    finally:
        await engine.dispose()


def _run_sqlite(path: Path, work: Callable[[Connection], T]) -> T:
    engine = engine_for(path, begin="BEGIN IMMEDIATE", size=1)
    try:
        with engine.begin() as conn:
            return work(conn)
    finally:
        engine.dispose()


def alembic_config(conn: Connection, half: Half) -> AlembicConfig:
    """Alembic's configuration, made in memory: where the steps are and the connection to run them on."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("version_locations", str(Path(__file__).parent / "migrations" / half.name))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    config.attributes["half"] = half
    return config
