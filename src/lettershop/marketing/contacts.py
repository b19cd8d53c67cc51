"""Import of people from a file: looked at, taken in as a job, undone.

    file > `table_file` (encoding, delimiter) > kinds learned from the whole file > `import_rows` a row
         > `store.imports.take_in`, 2,000 a transaction, with how far the job is > the refused into a file with the reason

Memory stays the same however long the file is, and other writers come in between the transactions. While one batch is
written, the next is read and checked. A consent basis is required: the law wants to know on what ground somebody is
written to, and it is kept with each subscription. An import handed over with `submit` is worked off by the scheduler's
process (`step`), goes on after a crash where it was, and nobody has to wait for it.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError, NotFound, Refused, Temporary
from lettershop.base.facts import ContactsImported
from lettershop.marketing.import_rows import ImportOptions
from lettershop.marketing.import_run import (
    FilePreview,
    HasMail,
    ImportNotReady,
    ImportResult,
    Plan,
    Run,
    header_of,
    learn,
)
from lettershop.marketing.import_run import preview as preview_of
from lettershop.marketing.table_file import TableFile
from lettershop.store import attributes, columnar, import_undo, imports, subscriptions
from lettershop.store.database import Database, Transaction
from lettershop.store.imports import ImportJob

UPLOAD = "upload-"
"""How the files of uploads begin."""

TURN = 10
"""Batches of one step of the scheduler."""

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


class NoConsentBasis(Refused):
    """People may only be taken in with the ground on which they may be written to."""

    code = "consent-basis"


class ImportUnknown(NotFound):
    """There is no such import in this workspace."""

    code = "import"


class ContactImport:
    """Imports files into a workspace. `folder` keeps the files of jobs and what they refused."""

    def __init__(
        self, main: Database, clock: Clock, *, folder: Path | None = None, has_mail: HasMail | None = None
    ) -> None:
        self._main = main
        self._clock = clock
        self._folder = folder
        self._has_mail = has_mail
        self._running: dict[int, Run] = {}

    # -- at once

    async def run(
        self,
        path: Path,
        *,
        workspace_id: int,
        list_name: str = "",
        basis: str = "",
        kind: str = "express",
        options: ImportOptions | None = None,
        progress: Progress = lambda _done, _total: None,
        rejected: Path | None = None,
        by: str = "",
    ) -> ImportResult:
        """Take the file in; raises NoConsentBasis or FileNotUnderstood before anything is written.

        `options` tells all; without them `list_name`, `basis` and `kind` do. Refused rows go to `rejected`, by default
        `<name>.rejected.csv` beside the file.
        """
        options = with_basis(options or ImportOptions(list_name, basis, kind))
        kinds = await self._main.read(attributes.kinds, workspace_id)
        plan = await asyncio.to_thread(learn, path, options, kinds)
        import_id, list_id = await self._main.write(
            _begin, workspace_id, options, self._clock.now(), file_name=path.name, state="running", by=by
        )
        rejected = rejected or path.with_name(f"{path.stem}.rejected.csv")
        run = await self._open(await self._job(import_id), path, rejected, plan)
        with closing(run):
            try:
                while await run.turn():
                    progress(run.file.done, run.file.total)
            except Exception as error:
                await self._fail(import_id, error)
                raise
        progress(run.file.total, run.file.total)
        return run.result(list_id)

    async def preview(
        self, path: Path, *, workspace_id: int, columns: Mapping[str, str] | None = None, limit: int = 1000
    ) -> FilePreview:
        """What an import would make of the first rows; writes nothing. Raises FileNotUnderstood."""
        kinds = await self._main.read(attributes.kinds, workspace_id)
        return await asyncio.to_thread(preview_of, path, columns or {}, kinds, limit)

    # -- as a job

    async def submit(
        self, workspace_id: int, path: Path, options: ImportOptions, *, file_name: str = "", by: str = ""
    ) -> int:
        """Hand a file over to the scheduler's process; the import's id. The file (name it in full) must stay there until it is done.

        Raises NoConsentBasis or FileNotUnderstood at once. `ImportJob` (by `get`) tells how far it is.
        """
        options = with_basis(options)
        await asyncio.to_thread(header_of, path, options)
        import_id, _ = await self._main.write(
            _begin, workspace_id, options, self._clock.now(), file_name=file_name or path.name, state="waiting", by=by,
            file=str(path),
        )  # fmt: skip
        return import_id

    async def upload(
        self, workspace_id: int, content: bytes, options: ImportOptions, *, file_name: str, by: str = ""
    ) -> ImportJob:
        """Keep an uploaded file until it is taken in, and hand it over; raises as `submit`."""
        path = await asyncio.to_thread(self._kept, content)
        try:
            return await self._job(await self.submit(workspace_id, path, options, file_name=file_name, by=by))
        except LettershopError:
            path.unlink(missing_ok=True)
            raise

    async def look_at(self, workspace_id: int, content: bytes, columns: Mapping[str, str]) -> FilePreview:
        """`preview` of an uploaded file, which is not kept."""
        path = await asyncio.to_thread(self._kept, content)
        try:
            return await self.preview(path, workspace_id=workspace_id, columns=columns)
        finally:
            path.unlink(missing_ok=True)

    def _kept(self, content: bytes) -> Path:
        assert self._folder is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._folder, prefix=UPLOAD, delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the import is promised when the answer goes out
        return Path(file.name).absolute()

    async def rejected(self, workspace_id: int, import_id: int) -> bytes:
        """The file of refused rows; empty if there are none, or if the file is gone."""
        job = await self.get(workspace_id, import_id)
        if not job.rejected_file:
            return b""
        try:
            return await asyncio.to_thread(Path(job.rejected_file).read_bytes)
        except FileNotFoundError:
            return b""

    async def get(self, workspace_id: int, import_id: int) -> ImportJob:
        """How far an import is; raises ImportUnknown."""
        job = await self._main.read(imports.by_id, import_id)
        if job is None or job.workspace_id != workspace_id:
            raise ImportUnknown(f"There is no import {import_id}.")
        return job

    async def page(self, workspace_id: int, *, before: int | None = None, limit: int = 50) -> Sequence[ImportJob]:
        """The workspace's imports, newest first."""
        return await self._main.read(imports.page, workspace_id, before=before, limit=limit)

    async def step(self) -> bool:
        """Work on the oldest job for some batches; True if there may be more. Runs in one process at a time."""
        job = await self._main.read(imports.to_do)
        if job is None:
            return False
        if job.state == "undoing":
            await self._undo_piece(job)
            return True
        try:
            return await self._work_on(job)
        except Temporary:
            self._forget(job.id)  # what was read is not written: the next step begins where the job stands
            raise
        except LettershopError as error:
            self._forget(job.id)
            await self._fail(job.id, error)
            return True
        except Exception:
            self._forget(job.id)
            raise

    async def _fail(self, import_id: int, error: Exception) -> None:
        """The rows so far stay; the import can be undone, or the file imported again."""
        words = (
            error.public if isinstance(error, LettershopError) else "The import was broken off by an unforeseen error."
        )
        await self._main.write(_failed, import_id, words, self._clock.now())

    async def _work_on(self, job: ImportJob) -> bool:
        run = self._running.get(job.id)
        if run is None:
            options, path = ImportOptions.read(job.options), Path(job.file)
            kinds = await self._main.read(attributes.kinds, job.workspace_id)
            plan = await asyncio.to_thread(learn, path, options, kinds)
            rejected = (self._folder or path.parent) / f"import-{job.id}.rejected.csv"
            run = self._running[job.id] = await self._open(job, path, rejected, plan)
        for _ in range(TURN):
            if not await run.turn():
                self._forget(job.id)
                await asyncio.to_thread(_served, Path(job.file))
                break
        return True

    def _forget(self, import_id: int) -> None:
        run = self._running.pop(import_id, None)
        if run is not None:
            run.close()

    async def _open(self, job: ImportJob, path: Path, rejected: Path, plan: Plan) -> Run:
        file = await asyncio.to_thread(TableFile.open, path)
        await self._main.write(_know, job, plan.learned, file.total, self._clock.now())
        run = Run(self._main, self._clock, job, file, plan, rejected, self._has_mail)
        if job.rows:
            await asyncio.to_thread(run.skip, job.rows)
        return run

    async def _job(self, import_id: int) -> ImportJob:
        job = await self._main.read(imports.by_id, import_id)
        assert job is not None
        return job

    # -- undone

    async def undo(self, workspace_id: int, import_id: int, *, wait: bool = True) -> None:
        """Undo a whole import (`store.import_undo` says what stays); without `wait` the scheduler's process does it."""
        job = await self.get(workspace_id, import_id)
        if not await self._main.write(
            imports.move, job.id, "undoing", only_from=("done", "failed", "running", "waiting")
        ):
            raise ImportNotReady(f"The import is {job.state}.")
        self._forget(job.id)
        while wait and await self._undo_piece(job):
            pass

    async def _undo_piece(self, job: ImportJob) -> bool:
        undone = await self._main.write(import_undo.undo, job.id, self._clock.now())
        await self._main.write(columnar.fold, job.workspace_id)
        if not undone.more:
            await self._main.write(_undone, job, self._clock.now())
        return undone.more


def _served(path: Path) -> None:
    """An upload goes when it is taken in; a file of the operator's own stays."""
    if path.name.startswith(UPLOAD):
        path.unlink(missing_ok=True)


def with_basis(options: ImportOptions) -> ImportOptions:
    """The same; raises NoConsentBasis if it says no ground."""
    if not options.basis.strip():
        raise NoConsentBasis(
            "An import needs the ground on which these people may be written to.",
            remedy='Say it in words, e.g. "opted in at checkout".',
        )
    return options


def _begin(
    tx: Transaction, /, workspace_id: int, options: ImportOptions, at: float, **values: Any
) -> tuple[int, int | None]:
    list_id = subscriptions.ensure_list(tx, workspace_id, options.list_name, at) if options.list_name else None
    told = {"list_id": list_id, "basis": options.basis, "options": options.told(), "started_at": at}
    return imports.begin(tx, workspace_id, **told, **values), list_id


def _know(tx: Transaction, job: ImportJob, learned: Mapping[str, str], size: int, at: float) -> None:
    """The kinds are learned before the first row is taken."""
    attributes.learn(tx, job.workspace_id, learned, at)
    imports.move(tx, job.id, "running", only_from=("waiting",))
    imports.change(tx, job.id, size=size)


def _failed(tx: Transaction, import_id: int, words: str, at: float) -> None:
    if imports.move(tx, import_id, "failed", only_from=("waiting", "running")):
        imports.change(tx, import_id, error=words, finished_at=at)


def _undone(tx: Transaction, job: ImportJob, at: float) -> None:
    imports.change(tx, job.id, state="undone", finished_at=at)
    tx.fact(
        ContactsImported(at=at, workspace_id=job.workspace_id, what="undone", import_id=job.id, list_id=job.list_id)
    )
