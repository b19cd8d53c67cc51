"""Layouts and blocks of a workspace: kept under a name, checked when they are kept. `marketing.assembly` puts them in."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, NotFound
from lettershop.marketing.assembly import Block, check_block
from lettershop.store import blocks as rows
from lettershop.store.blocks import BlockRow
from lettershop.store.database import Database


class NoSuchBlock(NotFound):
    """There is no such layout or block."""

    code = "no-such-block"


class BlockKnown(Conflict):
    """The name is taken."""

    code = "block-known"


class Blocks:
    """One object per process. Content is `html`, `text`, `format` and `layout`; raises TemplateInvalid where it does not parse."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def create(self, workspace_id: int, name: str, content: Mapping[str, Any]) -> BlockRow:
        """Keep one; raises BlockKnown."""
        check_block(Block(name, **{"html": "", **content}))
        made = await self._db.write(rows.add, workspace_id, name, self._clock.now(), **content)
        if made is None:
            raise BlockKnown(f"There is a layout or block {name!r} already.")
        return made

    async def get(self, workspace_id: int, block_id: int) -> BlockRow:
        """One of them; raises NoSuchBlock."""
        found = await self._db.read(rows.by_id, workspace_id, block_id)
        if found is None:
            raise NoSuchBlock(f"There is no layout or block {block_id}.")
        return found

    async def named(self, workspace_id: int, name: str) -> BlockRow:
        """The one of that name; raises NoSuchBlock."""
        found = await self._db.read(rows.by_name, workspace_id, name)
        if found is None:
            raise NoSuchBlock(f"There is no layout or block {name!r}.")
        return found

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> Sequence[BlockRow]:
        """All of them, by id."""
        return await self._db.read(rows.page, workspace_id, after=after, limit=limit)

    async def change(self, workspace_id: int, block_id: int, content: Mapping[str, Any]) -> BlockRow:
        """Replace some of its content; drafts that use it change with it, campaigns that have started do not."""
        before = await self.get(workspace_id, block_id)
        now = {name: content.get(name, getattr(before, name)) for name in ("html", "text", "format", "layout")}
        check_block(Block(before.name, **now))
        await self._db.write(rows.change, block_id, self._clock.now(), **content)
        return await self.get(workspace_id, block_id)

    async def remove(self, workspace_id: int, block_id: int) -> None:
        """Delete it."""
        await self.get(workspace_id, block_id)
        await self._db.write(rows.remove, block_id)


def blocks_of(conn: Connection, workspace_id: int) -> dict[str, Block]:
    """The workspace's layouts and blocks by name, as `marketing.assembly` takes them."""
    found = rows.of_workspace(conn, workspace_id)
    return {row.name: Block(row.name, row.html, row.text, row.format, row.layout) for row in found}
