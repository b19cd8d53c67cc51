"""Import of people from a CSV file: read, checked, taken in batches, the refused rows written beside it with the reason.

    bytes > encoding and delimiter guessed > rows (`csv`, streaming) > `check` a row > `store.contacts.take`, 1,000 a transaction

Memory stays the same however long the file is, and other writers come in between the transactions. A consent basis is
required: the law wants to know on what ground somebody is written to, and it is kept with each subscription.
"""

import asyncio
import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, TextIO

from charset_normalizer import from_bytes
from email_validator import EmailNotValidError, validate_email

from lettershop.base.clock import Clock
from lettershop.base.errors import Invalid, Refused
from lettershop.marketing.quoted import clean
from lettershop.store import contacts, subscriptions
from lettershop.store.contacts import NewContact, Taken
from lettershop.store.database import Database, Transaction
from lettershop.store.subscriptions import Consent
from lettershop.wire.address import Address, InvalidAddress

BATCH = 1000
"""Rows in one transaction."""

SAMPLE = 65_536
"""Bytes of the file from which encoding and delimiter are guessed."""

MAX_VALUE = 10_000
"""Characters of one cell."""

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


class FileNotUnderstood(Invalid):
    """The file is no CSV file with a header line that names an address column."""

    code = "import-file"


class NoConsentBasis(Refused):
    """People may only be taken in with the ground on which they may be written to."""

    code = "consent-basis"


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken. `line` counts from 1, as an editor does; a row of several lines is where it ends."""

    line: int
    reason: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a file. `unchanged` were there already, just so, or came twice; `rejected_file` is None if nothing was refused."""

    import_id: int
    list_id: int
    rows: int
    created: int
    updated: int
    unchanged: int
    joined: int
    refused: int
    rejected_file: Path | None
    examples: tuple[RefusedRow, ...]


# -- a file as text ----------------------------------------------------------------------------------------------------

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def guess_encoding(sample: bytes) -> str:
    """The encoding of the beginning of a file: by its mark, by being UTF-8, by UTF-16's zeros, else the likeliest Latin one."""
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    even, odd = sample[0:400:2].count(0), sample[1:400:2].count(0)
    if max(even, odd) * 4 > len(sample[:400]):
        return "utf-16-le" if odd > even else "utf-16-be"
    try:
        sample[: sample.rfind(b"\n") + 1 or len(sample)].decode("utf-8")
    except UnicodeDecodeError:
        best = from_bytes(sample, cp_isolation=["cp1252", "cp1250", "iso8859_2", "iso8859_15"]).best()
        return best.encoding if best is not None else "cp1252"
    return "utf-8"


def guess_delimiter(header: str) -> str:
    """The delimiter of a header line: the likeliest of , ; tab |."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max((",", ";", "\t", "|"), key=bare.count)


def map_header(cells: Sequence[str]) -> list[str]:
    """Names of the columns: `email` and `name` recognised by their usual names, the others as attributes."""
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        plain = re.sub(r"\W+", "_", clean(cell).strip().lower()).strip("_")
        name = _USUAL.get(plain, plain)
        if not name or name[0].isdigit():
            name = f"column_{number}" if not name else f"_{name}"
        names.append(name if name not in names else f"{name}_{number}")
    if "email" not in names:
        raise FileNotUnderstood(
            "No column holds the address.", remedy=f"Name it email; the columns are {', '.join(cells)[:200]}."
        )
    return names


_USUAL = {
    **dict.fromkeys(
        ("e_mail", "mail", "email_address", "e_mail_address", "address", "adresse", "e_mail_adresse"), "email"
    ),
    **dict.fromkeys(("full_name", "fullname", "display_name", "contact_name"), "name"),
    **dict.fromkeys(("firstname", "given_name", "vorname", "prénom", "prenom", "nombre", "fname"), "first_name"),
    **dict.fromkeys(("lastname", "surname", "family_name", "nachname", "apellido", "lname"), "last_name"),
}


# -- a row -------------------------------------------------------------------------------------------------------------

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)|(\d{1,2})\.(\d{1,2})\.(\d{4})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?")
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def typed(cell: str) -> str | int | float | bool:
    """A cell as number, yes/no, date (as text "2026-01-31") or text. What has a leading zero or plus stays text."""
    if _NUMBER.fullmatch(cell):
        return float(cell) if "." in cell else int(cell)
    if cell.lower() in _FLAGS:
        return _FLAGS[cell.lower()]
    match = _DATE.fullmatch(cell)
    if match is None:
        return cell
    year, month, day = (match[1], match[2], match[3]) if match[1] else (match[6], match[5], match[4])
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return cell


def check_address(text: str) -> Address:
    """A deliverable-looking address; raises InvalidAddress with the reason in words. No network is asked."""
    if not text:
        raise InvalidAddress("The address is empty.")
    if "@" not in text:
        raise InvalidAddress("The address has no @.")
    try:
        checked = validate_email(text, check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from error
    return Address.parse(f"{checked.local_part}@{checked.ascii_domain}")


def check(names: Sequence[str], cells: Sequence[str]) -> NewContact:
    """A row as a contact; raises Invalid with the reason in words."""
    if len(cells) != len(names):
        raise Invalid(f"{len(cells)} columns instead of {len(names)}.")
    row = {name: clean(cell).strip() for name, cell in zip(names, cells, strict=True)}
    if any("\ufffd" in value for value in row.values()):
        raise Invalid("A character is not valid in the encoding of the file.")
    if any(len(value) > MAX_VALUE for value in row.values()):
        raise Invalid(f"A cell has more than {MAX_VALUE} characters.")
    address = check_address(row.pop("email"))
    name = row.pop("name", "")
    attributes = {key: typed(value) for key, value in row.items() if value}
    if not name:
        name = " ".join([str(attributes[key]) for key in ("first_name", "last_name") if key in attributes])
    return NewContact(str(address), address.key, address.domain, name, attributes)


# -- the whole file ----------------------------------------------------------------------------------------------------


class ContactImport:
    """Imports files into a workspace."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    async def run(
        self,
        path: Path,
        *,
        workspace_id: int,
        list_name: str,
        basis: str,
        kind: str = "express",
        progress: Progress = lambda _done, _total: None,
        rejected: Path | None = None,
    ) -> ImportResult:
        """Take the file in; raises NoConsentBasis or FileNotUnderstood before anything is written.

        `basis`: on what ground, in words, e.g. "opted in at checkout"; `kind`: express or implied. Refused rows go to
        `rejected`, by default `<name>.rejected.csv` beside the file.
        """
        if not basis.strip() or kind not in ("express", "implied"):
            raise NoConsentBasis(
                "An import needs the ground on which these people may be written to.",
                remedy='Say it in words, e.g. "opted in at checkout".',
            )
        reader = await asyncio.to_thread(RowReader.open, path)
        try:
            return await self._take(
                reader, path, workspace_id, list_name, Consent(kind, basis, "import"), progress, rejected
            )
        finally:
            reader.close()

    async def _take(
        self, reader: "RowReader", path: Path, workspace_id: int, list_name: str, consent: Consent,
        progress: Progress, rejected: Path | None,
    ) -> ImportResult:  # fmt: skip
        import_id, list_id = await self._main.write(
            _begin, workspace_id, list_name, path.name, consent.basis, self._clock.now()
        )
        refusals = _Refusals(rejected or path.with_name(f"{path.stem}.rejected.csv"), reader.header)
        taken, good = Taken(), 0
        while True:
            rows, bad, more = await asyncio.to_thread(reader.batch, BATCH)
            refusals.add(bad)
            if rows:
                good += len(rows)
                now = self._clock.now()
                taken += await self._main.write(contacts.take, workspace_id, list_id, rows, consent, now)
            progress(reader.done, reader.total)
            if not more:
                break
        refusals.close()
        await self._main.write(contacts.end_import, import_id, good, refusals.count, self._clock.now())
        return ImportResult(
            import_id=import_id, list_id=list_id, rows=good + refusals.count,
            created=taken.created, updated=taken.updated, unchanged=good - taken.created - taken.updated,
            joined=taken.joined, refused=refusals.count, rejected_file=refusals.path if refusals.count else None,
            examples=tuple(refusals.examples),
        )  # fmt: skip


def _begin(
    tx: Transaction, workspace_id: int, list_name: str, file_name: str, basis: str, at: float
) -> tuple[int, int]:
    list_id = subscriptions.ensure_list(tx, workspace_id, list_name, at)
    return contacts.begin_import(tx, workspace_id, list_id, file_name, basis, at), list_id


class RowReader:
    """The rows of a file, checked, a batch at a time. `done` of `total` bytes are read."""

    def __init__(self, raw: IO[bytes], total: int) -> None:
        self.total = total
        self._raw = raw
        source: Any = raw
        if raw.read(2) == b"\x1f\x8b":
            source = gzip.GzipFile(fileobj=raw)
        raw.seek(0)
        sample = source.read(SAMPLE)
        source.seek(0)
        self._text: TextIO = io.TextIOWrapper(source, encoding=guess_encoding(sample), errors="replace", newline="")
        self._text.seek(0)
        start = self._text.readline()
        self._text.seek(0)
        self._rows: Iterator[list[str]] = csv.reader(self._text, delimiter=guess_delimiter(start))
        self.header: list[str] = next(self._rows, [])
        self.names = map_header(self.header)

    @classmethod
    def open(cls, path: Path) -> "RowReader":
        """Raises FileNotUnderstood."""
        try:
            raw = path.open("rb")
        except OSError as error:
            raise FileNotUnderstood(f"{path} cannot be read.") from error
        try:
            return cls(raw, path.stat().st_size)
        except (csv.Error, OSError, UnicodeError) as error:
            raw.close()
            raise FileNotUnderstood(f"{path} is no CSV file.") from error
        except FileNotUnderstood:
            raw.close()
            raise

    @property
    def done(self) -> int:
        """Bytes read so far."""
        return min(self._raw.tell(), self.total)

    @property
    def line(self) -> int:
        """The line last read, from 1."""
        return int(self._rows.line_num)  # type: ignore[attr-defined]

    def batch(self, size: int) -> tuple[list[NewContact], list[RefusedRow], bool]:
        """Up to `size` rows: the good, the refused, and whether there may be more. Of an address twice the last counts."""
        good: list[NewContact] = []
        bad: list[RefusedRow] = []
        for _ in range(size):
            try:
                cells = next(self._rows)
            except StopIteration:
                return good, bad, False
            except csv.Error as error:
                bad.append(RefusedRow(self.line, f"The row is not well formed: {error}.", ()))
                continue
            if cells:
                self._check(cells, good, bad)
        return good, bad, True

    def _check(self, cells: list[str], good: list[NewContact], bad: list[RefusedRow]) -> None:
        try:
            good.append(check(self.names, cells))
        except Invalid as error:
            bad.append(RefusedRow(self.line, error.public, tuple(cells)))

    def close(self) -> None:
        """Close the file."""
        self._text.close()
        self._raw.close()


class _Refusals:
    """The file of refused rows: line and reason before the original cells. Made when the first row is refused."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path = path
        self.count = 0
        self.examples: list[RefusedRow] = []
        self._header = header
        self._file: TextIO | None = None

    def add(self, rows: Sequence[RefusedRow]) -> None:
        if not rows:
            return
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="")
            csv.writer(self._file).writerow(["line", "reason", *self._header])
        csv.writer(self._file).writerows([[row.line, row.reason, *row.cells] for row in rows])
        self.count += len(rows)
        self.examples += rows[: 20 - len(self.examples)]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def describe(result: ImportResult) -> Mapping[str, Any]:
    """The result for `--json`."""
    return {
        "rows": result.rows, "created": result.created, "updated": result.updated, "unchanged": result.unchanged,
        "joined": result.joined, "refused": result.refused,
        "rejected_file": str(result.rejected_file) if result.rejected_file else None,
        "examples": [{"line": row.line, "reason": row.reason} for row in result.examples],
    }  # fmt: skip
