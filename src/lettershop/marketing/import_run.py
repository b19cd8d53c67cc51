"""One import on its way: the whole file seen once, then batch by batch read, checked, written, with how far it is.

`marketing.contacts` begins, goes on with and undoes imports; here is what happens to the rows of one.
"""

import asyncio
import csv
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from lettershop.base.clock import Clock
from lettershop.base.errors import Refused, Temporary
from lettershop.base.facts import ContactsImported
from lettershop.marketing.addresses import Suspicion
from lettershop.marketing.import_rows import (
    FlaggedRow,
    ImportOptions,
    KindLearner,
    RefusedRow,
    RowCheck,
    attributes_in,
    refusal,
    targets_of,
)
from lettershop.marketing.table_file import TableFile
from lettershop.store import columnar, erasures, imports
from lettershop.store.database import Database, Transaction
from lettershop.store.imports import Batch, ImportJob, ImportRow, Result

BATCH = 2000
"""Rows in one transaction."""

EXAMPLES = 20

HasMail = Callable[[str], Awaitable[bool]]
"""Whether a domain has mail servers."""


class ImportNotReady(Refused):
    """The import is not in a state in which this can be done."""

    code = "import-state"


class ImportElsewhere(Temporary):
    """The job is further than this process knows."""

    code = "import-elsewhere"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a file. `unchanged` were there already, just so, or came twice; `rejected_file` is None if nothing was refused."""

    import_id: int
    list_id: int | None
    rows: int
    created: int
    updated: int
    unchanged: int
    joined: int
    refused: int
    rejected_file: Path | None
    examples: tuple[RefusedRow, ...]
    flagged: Mapping[str, int] = field(default_factory=dict)
    flag_examples: tuple[FlaggedRow, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnPreview:
    """A column of a file: its heading, what it is taken for, the attribute's kind ("" if it is none), some cells."""

    heading: str
    target: str
    kind: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilePreview:
    """What an import would make of the first rows of a file."""

    encoding: str
    delimiter: str
    columns: tuple[ColumnPreview, ...]
    rows: int
    good: int
    refused: tuple[RefusedRow, ...]
    flagged: tuple[FlaggedRow, ...]


# -- what a file is ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What the columns of a file are. `learned`: the kinds of attributes that nobody knew before."""

    targets: Sequence[str]
    kinds: Mapping[str, str]
    learned: Mapping[str, str]
    options: ImportOptions


def header_of(path: Path, options: ImportOptions) -> list[str]:
    """What the columns of a file are; raises FileNotUnderstood."""
    with closing(TableFile.open(path)) as file:
        return targets_of(file.header, options.columns)


def learn(path: Path, options: ImportOptions, known: Mapping[str, str]) -> Plan:
    """Go through the whole file once if it has columns that nobody knows: a kind holds for every row."""
    with closing(TableFile.open(path)) as file:
        targets = targets_of(file.header, options.columns)
        learner = KindLearner(targets, known)
        more = learner.needed
        while more:
            rows, _, more = file.batch(BATCH)
            learner.see(rows)
    return Plan(targets, {**learner.kinds(), **known}, learner.kinds(), options)


def preview(path: Path, columns: Mapping[str, str], known: Mapping[str, str], limit: int) -> FilePreview:
    """What an import would make of the first rows."""
    with closing(TableFile.open(path)) as file:
        targets = targets_of(file.header, columns)
        rows, broken, _ = file.batch(limit)
        learner = KindLearner(targets, known)
        learner.see(rows)
        kinds = {**learner.kinds(), **known}
        good, bad, flagged = RowCheck(targets, kinds, ImportOptions("", "preview")).rows(rows)
        bad += [RefusedRow(line, reason, ()) for line, reason in broken]
        own = set(attributes_in(targets))
        shown = tuple(
            ColumnPreview(
                heading, target, kinds[target] if target in own else "",
                tuple(cells[place] for _, cells in rows[:5] if place < len(cells)),
            )
            for place, (heading, target) in enumerate(zip(file.header, targets, strict=True))
        )  # fmt: skip
        return FilePreview(
            file.encoding, file.delimiter, shown, len(rows) + len(broken), len(good),
            tuple(bad[:EXAMPLES]), tuple(flagged[:EXAMPLES]),
        )  # fmt: skip


# -- one import on its way ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """A batch, read and checked."""

    good: list[tuple[int, ImportRow]]
    bad: list[RefusedRow]
    flagged: list[FlaggedRow]
    more: bool
    position: int


class Run:
    """Reads the next batch while the one before is written. `turn` until it is False."""

    def __init__(
        self, main: Database, clock: Clock, job: ImportJob, file: TableFile, plan: Plan, rejected: Path,
        has_mail: HasMail | None,
    ) -> None:  # fmt: skip
        self.file = file
        self._main = main
        self._clock = clock
        self._job = job
        self._plan = plan
        self._check = RowCheck(plan.targets, plan.kinds, plan.options)
        self._refusals = _Refusals(rejected, file.header, job.refused)
        self._flagged: dict[str, int] = {}
        self._flag_examples: list[FlaggedRow] = []
        self._has_mail = has_mail if plan.options.check_mx or "no-mx" in plan.options.refuse else None
        self._mail: dict[str, bool] = {}
        self._next: asyncio.Task[_Read] | None = None
        self._at = clock.now()
        self._unfolded = 0

    def skip(self, rows: int) -> None:
        """Go on where the job was: so many rows are done, the refused among them."""
        while rows > 0:
            good, bad, more = self.file.batch(min(rows, BATCH))
            rows -= len(good) + len(bad)
            if not more:
                return

    def close(self) -> None:
        """Close the files."""
        if self._next is not None:
            self._next.cancel()
        self._refusals.close()
        self.file.close()

    async def turn(self) -> bool:
        """Take the next batch in; False if it was the last, and the import is done."""
        read = await (self._next or self._read())
        self._next = asyncio.create_task(self._read()) if read.more else None
        await self._ask_for_mail(read)
        await self._leave_out_erased(read)
        self._refusals.add(read.bad)
        self._note(read.flagged)
        rows = {row.email_key: row for _, row in read.good}
        job = self._job
        expires_at = self._plan.options.expires_at(job.started_at)
        batch = Batch(
            job.id, job.workspace_id, job.list_id, self._plan.options.rule, self._plan.options.kind, job.basis,
            expires_at, list(rows.values()),
        )  # fmt: skip
        self._job = await self._main.write(_take, batch, job, read, str(self._refusals.path), self._clock.now())
        await self._fold(self._job.created - job.created)
        return read.more

    async def _read(self) -> _Read:
        return await asyncio.to_thread(self._read_batch)

    def _read_batch(self) -> _Read:
        rows, broken, more = self.file.batch(BATCH)
        good, bad, flagged = self._check.rows(rows)
        bad += [RefusedRow(line, reason, ()) for line, reason in broken]
        return _Read(good, sorted(bad, key=lambda row: row.line), flagged, more, self.file.done)

    async def _ask_for_mail(self, read: _Read) -> None:
        if self._has_mail is None:
            return
        unknown = sorted({row.domain for _, row in read.good} - self._mail.keys())
        for start in range(0, len(unknown), 50):
            some = unknown[start : start + 50]
            answers = await asyncio.gather(*(self._has_mail(domain) for domain in some))
            self._mail.update(zip(some, answers, strict=True))
        without = [(line, row) for line, row in read.good if not self._mail[row.domain]]
        if "no-mx" in self._plan.options.refuse:
            reason = refusal(Suspicion("no-mx"))
            read.bad += [RefusedRow(line, reason, (row.email,)) for line, row in without]
            read.good = [(line, row) for line, row in read.good if self._mail[row.domain]]
        else:
            read.flagged += [FlaggedRow(line, row.email, "no-mx", "") for line, row in without]

    async def _leave_out_erased(self, read: _Read) -> None:
        """Whose data were erased at their request is not brought back by somebody's old file (GDPR 17)."""
        keys = [row.email_key for _, row in read.good]
        erased = await self._main.read(erasures.known, self._job.workspace_id, keys)
        if erased:
            reason = "The person's data were erased at their request."
            read.bad += [RefusedRow(line, reason, ()) for line, row in read.good if row.email_key in erased]
            read.good = [(line, row) for line, row in read.good if row.email_key not in erased]

    def _note(self, flagged: Sequence[FlaggedRow]) -> None:
        for row in flagged:
            self._flagged[row.flag] = self._flagged.get(row.flag, 0) + 1
        self._flag_examples += flagged[: EXAMPLES - len(self._flag_examples)]

    async def _fold(self, created: int) -> None:
        """Bring the copy by columns along, so that counts stay fast while a million comes in; all of it in the end."""
        done = self._job.state == "done"
        self._unfolded += created
        if self._unfolded < columnar.SPAN and not done:
            return
        self._unfolded = 0
        while await self._main.write(columnar.fold, self._job.workspace_id, all_of_it=done) and done:
            pass

    def result(self, list_id: int | None) -> ImportResult:
        """What became of the file."""
        job = self._job
        return ImportResult(
            import_id=job.id, list_id=list_id, rows=job.rows, created=job.created, updated=job.updated,
            unchanged=job.taken - job.created - job.updated, joined=job.joined, refused=job.refused,
            rejected_file=self._refusals.path if job.refused else None, examples=tuple(self._refusals.examples),
            flagged=self._flagged, flag_examples=tuple(self._flag_examples), kinds=self._plan.kinds,
        )  # fmt: skip


def _take(tx: Transaction, batch: Batch, job: ImportJob, read: _Read, rejected: str, at: float) -> ImportJob:
    """The rows and how far the job is, in one transaction: after a crash it goes on exactly there."""
    now = imports.by_id(tx.conn, job.id)
    if now is None or now.state != "running":
        raise ImportNotReady("The import was stopped.")
    if now.position != job.position or now.rows != job.rows:
        raise ImportElsewhere("Another process goes on with this import.")
    taken: Result = imports.take_in(tx, batch, at)
    after = replace(
        job, state="running" if read.more else "done", finished_at=None if read.more else at,
        position=read.position if read.more else job.size, rows=job.rows + len(read.good) + len(read.bad),
        taken=job.taken + len(read.good), refused=job.refused + len(read.bad), created=job.created + taken.created,
        updated=job.updated + taken.updated, joined=job.joined + taken.joined,
        rejected_file=rejected if job.refused or read.bad else "",
    )  # fmt: skip
    names = (
        "state", "finished_at", "position", "rows", "taken", "refused", "created", "updated", "joined", "rejected_file",
    )  # fmt: skip
    imports.change(tx, job.id, **{name: getattr(after, name) for name in names})
    if not read.more:
        tx.fact(
            ContactsImported(
                at=at, workspace_id=job.workspace_id, what="imported", import_id=job.id, list_id=job.list_id,
                created=after.created, updated=after.updated, joined=after.joined, refused=after.refused,
            )
        )  # fmt: skip
    return after


class _Refusals:
    """The file of refused rows: line and reason before the original cells. Made when the first row is refused."""

    def __init__(self, path: Path, header: Sequence[str], before: int) -> None:
        self.path = path
        self.examples: list[RefusedRow] = []
        self._header = header
        self._goes_on = before > 0
        self._file: TextIO | None = None

    def add(self, rows: Sequence[RefusedRow]) -> None:
        """Write them."""
        if not rows:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a" if self._goes_on else "w", encoding="utf-8", newline="")
            if not self._goes_on:
                csv.writer(self._file).writerow(["line", "reason", *self._header])
        csv.writer(self._file).writerows([[row.line, row.reason, *row.cells] for row in rows])
        self._file.flush()
        self.examples += rows[: EXAMPLES - len(self.examples)]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def describe(result: ImportResult) -> Mapping[str, Any]:
    """The result for `--json`."""
    return {
        "import": result.import_id,
        "rows": result.rows, "created": result.created, "updated": result.updated, "unchanged": result.unchanged,
        "joined": result.joined, "refused": result.refused,
        "rejected_file": str(result.rejected_file) if result.rejected_file else None,
        "examples": [{"line": row.line, "reason": row.reason} for row in result.examples],
        "flagged": dict(result.flagged),
        "flag_examples": [
            {"line": row.line, "address": row.address, "flag": row.flag, "suggestion": row.suggestion}
            for row in result.flag_examples
        ],
        "kinds": dict(result.kinds),
    }  # fmt: skip
