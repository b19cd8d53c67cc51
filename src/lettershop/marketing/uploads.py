"""Files of people handed over in two steps, as a screen does it: kept as they come, looked at, then begun or thrown away.

    keep (streamed to the folder of imports, state "uploaded") > look (columns, first rows; nothing is written)
         > begin (columns, list, basis: the job waits for the scheduler) or drop

What was kept and never begun goes a week later, when the next file comes. The job itself is in `marketing.contacts`.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from lettershop.base.clock import Clock
from lettershop.marketing.contacts import UPLOAD, ContactImport, with_basis
from lettershop.marketing.import_rows import ImportOptions
from lettershop.marketing.import_run import FilePreview, ImportNotReady, header_of
from lettershop.marketing.table_file import FileNotUnderstood, TableFile, column_name
from lettershop.store import imports, subscriptions
from lettershop.store.database import Database, Transaction
from lettershop.store.imports import ImportJob

KEPT = 7 * 86_400.0
"""Seconds that a file waits for somebody to say what its columns are."""

SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Heading:
    """A column as the file has it. `key` names it in `ImportOptions.columns`; `guess`: what it would be taken for."""

    key: str
    text: str
    guess: str
    samples: tuple[str, ...]


class Uploads:
    """Files of a workspace between upload and import."""

    def __init__(self, main: Database, clock: Clock, jobs: ContactImport, folder: Path) -> None:
        self._main = main
        self._clock = clock
        self._jobs = jobs
        self._folder = folder

    async def keep(self, workspace_id: int, source: BinaryIO, *, file_name: str, by: str) -> ImportJob:
        """Keep a file; raises FileNotUnderstood if it is no table with a heading."""
        await self._tidy(workspace_id)
        path = await asyncio.to_thread(_copied, source, self._folder)
        try:
            await asyncio.to_thread(headings_of, path)
        except FileNotUnderstood:
            path.unlink(missing_ok=True)
            raise
        size, at = path.stat().st_size, self._clock.now()
        import_id = await self._main.write(_note, workspace_id, path, file_name=file_name, size=size, by=by, at=at)
        return await self._jobs.get(workspace_id, import_id)

    async def headings(self, workspace_id: int, import_id: int) -> list[Heading]:
        """The columns of a file that waits; raises ImportNotReady."""
        return await asyncio.to_thread(headings_of, Path((await self._waiting(workspace_id, import_id)).file))

    async def look(self, workspace_id: int, import_id: int, columns: Mapping[str, str]) -> FilePreview:
        """What an import would make of the first rows; raises FileNotUnderstood."""
        job = await self._waiting(workspace_id, import_id)
        return await self._jobs.preview(Path(job.file), workspace_id=workspace_id, columns=columns)

    async def begin(self, workspace_id: int, import_id: int, options: ImportOptions) -> None:
        """Hand it to the scheduler; raises NoConsentBasis or FileNotUnderstood, and then it still waits."""
        job = await self._waiting(workspace_id, import_id)
        options = with_basis(options)
        await asyncio.to_thread(header_of, Path(job.file), options)
        if not await self._main.write(_begun, job, options, self._clock.now()):
            raise ImportNotReady("Somebody else has begun or removed this import.")

    async def drop(self, workspace_id: int, import_id: int) -> None:
        """Throw the file away; nothing of it was taken in."""
        job = await self._waiting(workspace_id, import_id)
        await self._main.write(imports.remove, [job.id])
        await asyncio.to_thread(Path(job.file).unlink, missing_ok=True)

    async def _waiting(self, workspace_id: int, import_id: int) -> ImportJob:
        job = await self._jobs.get(workspace_id, import_id)
        if job.state != imports.UPLOADED:
            raise ImportNotReady("This import has begun already.")
        return job

    async def _tidy(self, workspace_id: int) -> None:
        old = await self._main.read(imports.uploaded_before, workspace_id, self._clock.now() - KEPT)
        await self._main.write(imports.remove, [job.id for job in old])
        for job in old:
            await asyncio.to_thread(Path(job.file).unlink, missing_ok=True)


def headings_of(path: Path) -> list[Heading]:
    """The columns of a file with some cells; raises FileNotUnderstood."""
    with closing(TableFile.open(path)) as file:
        if not any(cell.strip() for cell in file.header):
            raise FileNotUnderstood("The file is empty.", remedy="Its first line names the columns.")
        rows, _, _ = file.batch(SAMPLES)
        return [_heading(number, cell, [cells for _, cells in rows]) for number, cell in enumerate(file.header, 1)]


def _heading(number: int, cell: str, rows: Sequence[Sequence[str]]) -> Heading:
    guess = column_name(cell, number)
    samples = tuple(cells[number - 1] for cells in rows if len(cells) >= number)
    return Heading(cell if cell.strip() else guess, cell.strip(), guess, samples)


def _copied(source: BinaryIO, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix=UPLOAD, delete=False) as file:
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())  # the file is promised when the answer goes out
    return Path(file.name).absolute()


def _note(tx: Transaction, workspace_id: int, path: Path, *, file_name: str, size: int, by: str, at: float) -> int:
    return imports.begin(
        tx, workspace_id, list_id=None, basis="", options={}, started_at=at, file_name=file_name, by=by,
        state=imports.UPLOADED, file=str(path), size=size,
    )  # fmt: skip


def _begun(tx: Transaction, job: ImportJob, options: ImportOptions, at: float) -> bool:
    if not imports.move(tx, job.id, "waiting", only_from=(imports.UPLOADED,)):
        return False
    list_id = subscriptions.ensure_list(tx, job.workspace_id, options.list_name, at) if options.list_name else None
    imports.change(tx, job.id, list_id=list_id, basis=options.basis, options=options.told(), started_at=at)
    return True
