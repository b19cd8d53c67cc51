"""The suppression list of a workspace: looked at, added to, lifted, imported and exported.

    file > rows (`csv`, streaming) > `suppression_file.entry` > `store.suppressions.add_many`, 1,000 a transaction

The first reason and date of an address stay. Nothing here decides who is suppressed: bounces and complaints come by facts.
"""

import asyncio
import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

from lettershop.base.clock import Clock
from lettershop.base.errors import Invalid
from lettershop.mail.suppression_file import HEADER, REASONS, Layout, Listed, entry, written
from lettershop.store import suppressions
from lettershop.store.database import Database
from lettershop.store.suppressions import Suppression
from lettershop.wire.address import Address

BATCH = 1000
EXAMPLES = 20


class UnknownReason(Invalid):
    """Not one of the reasons of the list."""

    code = "suppression-reason"


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that could not be read."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: rows, how many are new, how many were there, and the refused with the first examples."""

    rows: int
    added: int
    known: int
    refused: int
    by_reason: dict[str, int]
    examples: tuple[Refused, ...] = ()


class SuppressionList:
    """The list as people and scripts use it."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    async def page(
        self, workspace_id: int, *, after: str = "", contains: str = "", reason: str = "", limit: int = 100
    ) -> list[Suppression]:
        """By address; `after`: the last one of the page before."""
        return await self._main.read(
            lambda conn: suppressions.page(
                conn, workspace_id, after=after, contains=contains.lower(), reason=reason, limit=limit
            )
        )

    async def counts(self, workspace_id: int) -> dict[str, int]:
        """How many by reason."""
        return await self._main.read(suppressions.count, workspace_id)

    async def add(self, workspace_id: int, addresses: Sequence[str], reason: str = "manual", detail: str = "") -> int:
        """Suppress addresses; how many are new. Raises Invalid."""
        now = self._clock.now()
        keys = dict.fromkeys(Address.parse(address.strip()).key for address in addresses)
        entries = [Suppression(workspace_id, key, _known(reason), detail, None, now) for key in keys]
        return await self._main.write(suppressions.add_many, entries)

    async def remove(self, workspace_id: int, addresses: Sequence[str]) -> int:
        """Lift suppressions; how many there were. Raises Invalid."""
        keys = [Address.parse(address.strip()).key for address in addresses]
        return await self._main.write(suppressions.remove, workspace_id, keys)

    async def take(self, path: Path, workspace_id: int, reason: str = "manual") -> Imported:
        """Import a CSV file, gzip or not, or a plain list; `reason` where a row gives none. Raises Invalid."""
        _known(reason)
        rows, added, refused = 0, 0, 0
        by_reason: dict[str, int] = {}
        examples: list[Refused] = []
        with await asyncio.to_thread(open_rows, path) as reader:
            while batch := await asyncio.to_thread(_batch, reader, reason):
                now = self._clock.now()
                good = {row.email_key: row for row in batch if isinstance(row, Listed)}
                bad = [row for row in batch if isinstance(row, Refused)]
                added += await self._main.write(
                    suppressions.add_many, [_entry(workspace_id, row, now) for row in good.values()]
                )
                for row in good.values():
                    by_reason[row.reason] = by_reason.get(row.reason, 0) + 1
                rows += len(batch)
                refused += len(bad)
                examples += bad[: EXAMPLES - len(examples)]
        return Imported(rows, added, rows - refused - added, refused, by_reason, tuple(examples))

    async def write(self, file: TextIO, workspace_id: int, reason: str = "") -> int:
        """Export as CSV that `take` reads; how many rows."""
        writer = csv.writer(file)
        writer.writerow(HEADER)
        count, after = 0, ""
        while page := await self.page(workspace_id, after=after, reason=reason, limit=BATCH):
            writer.writerows(written(one.email_key, one.reason, one.detail, one.at, one.campaign_id) for one in page)
            count, after = count + len(page), page[-1].email_key
        return count


def _known(reason: str) -> str:
    if reason not in REASONS:
        raise UnknownReason(f"There is no reason “{reason}”.", remedy=f"Use one of {', '.join(REASONS)}.")
    return reason


def _entry(workspace_id: int, row: Listed, now: float) -> Suppression:
    since = min(row.since, now) if row.since is not None else now
    return Suppression(workspace_id, row.email_key, row.reason, row.detail, None, since)


# -- the file ----------------------------------------------------------------------------------------------------------

Row = tuple[int, list[str]]


class Rows:
    """The rows of an open file with their line numbers, and how its columns are to be read."""

    def __init__(self, text: TextIO) -> None:
        start = text.readline()
        text.seek(0)
        delimiter = max(",;\t|", key=start.count)
        self._reader = csv.reader(text, delimiter=delimiter if delimiter in start else ",")
        self._first: list[Row] = []
        header = next(self._reader, [])
        self.layout = Layout.of(header) if header else None
        if header and self.layout is None:
            self._first.append((1, header))

    def next(self) -> Row | None:
        """The next row with something in it; None at the end."""
        if self._first:
            return self._first.pop()
        cells = next((cells for cells in self._reader if any(cell.strip() for cell in cells)), None)
        return None if cells is None else (self._reader.line_num, cells)


@contextmanager
def open_rows(path: Path) -> Iterator[Rows]:
    """Raises Invalid if the file cannot be read."""
    try:
        raw: IO[bytes] = path.open("rb")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", code="suppression-file") from None
    with raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        source = gzip.GzipFile(fileobj=raw) if packed else raw
        text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="replace", newline="")
        try:
            yield Rows(text)
        except (csv.Error, OSError, EOFError) as error:
            raise Invalid(f"{path} is no CSV file: {error}.", code="suppression-file") from None


def _batch(rows: Rows, default: str) -> list[Listed | Refused]:
    found: list[Listed | Refused] = []
    while len(found) < BATCH and (row := rows.next()) is not None:
        line, cells = row
        try:
            found.append(entry(rows.layout, cells, default))
        except Invalid as error:
            found.append(Refused(line, error.public))
    return found
