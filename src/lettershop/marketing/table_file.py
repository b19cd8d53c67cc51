"""A table in a file: encoding and delimiter recognised, columns named, rows read as they stream by.

UTF-8, UTF-16 and the Latin encodings, gzip or not, apart by comma, semicolon, tab or bar. Reads a local file that it is
handed; what a row means is decided in `marketing.contacts`.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TextIO

from charset_normalizer import from_bytes

from lettershop.base.errors import Invalid
from lettershop.marketing.quoted import clean

SAMPLE = 65_536
"""Bytes of the file from which encoding and delimiter are guessed."""


class FileNotUnderstood(Invalid):
    """The file is no CSV file with a header line that names an address column."""

    code = "import-file"


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


def column_name(cell: str, number: int) -> str:
    """What a column is by its heading: `email`, `name`, `tags` by their usual names, else an attribute."""
    plain = re.sub(r"\W+", "_", clean(cell).strip().lower()).strip("_")
    name = _USUAL.get(plain, plain)
    if not name:
        return f"column_{number}"
    return f"_{name}" if name[0].isdigit() else name


def map_header(cells: Sequence[str], said: Mapping[str, str] | None = None) -> list[str]:
    """Names of the columns, each once. `said` names some by their heading; raises FileNotUnderstood without `email`."""
    wanted = {clean(key).strip().lower(): value for key, value in (said or {}).items()}
    found = [column_name(cell, number) for number, cell in enumerate(cells, 1)]
    told = [wanted.get(clean(cell).strip().lower(), wanted.get(name)) for cell, name in zip(cells, found, strict=True)]
    unknown = wanted.keys() - {clean(cell).strip().lower() for cell in cells} - set(found)
    if unknown:
        raise FileNotUnderstood(f"The file has no column {', '.join(sorted(unknown))}.")
    names: list[str] = []
    for number, (name, word) in enumerate(zip(found, told, strict=True), 1):
        taken = name in names or name in told
        names.append(word if word is not None else f"{name}_{number}" if taken else name)
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
    **dict.fromkeys(("tag", "labels"), "tags"),
    "domain": "domain_name",
}


class TableFile:
    """The rows of a file, a batch at a time. `done` of `total` bytes are read. Read it in a thread."""

    def __init__(self, raw: IO[bytes], total: int, delimiter: str = "") -> None:
        self.total = total
        self._raw = raw
        source: Any = raw
        if raw.read(2) == b"\x1f\x8b":
            source = gzip.GzipFile(fileobj=raw)
        raw.seek(0)
        sample = source.read(SAMPLE)
        source.seek(0)
        self.encoding = guess_encoding(sample)
        self._text: TextIO = io.TextIOWrapper(source, encoding=self.encoding, errors="replace", newline="")
        self._text.seek(0)
        start = self._text.readline()
        self._text.seek(0)
        self.delimiter = delimiter or guess_delimiter(start)
        self._rows: Iterator[list[str]] = csv.reader(self._text, delimiter=self.delimiter)
        self.header: list[str] = next(self._rows, [])

    @classmethod
    def open(cls, path: Path) -> "TableFile":
        """Raises FileNotUnderstood."""
        try:
            raw = path.open("rb")
        except OSError as error:
            raise FileNotUnderstood(f"{path} cannot be read.") from error
        try:
            return cls(raw, path.stat().st_size)
        except (csv.Error, OSError, UnicodeError, EOFError, zlib.error) as error:
            raw.close()
            raise FileNotUnderstood(f"{path} is no CSV file.") from error

    @property
    def done(self) -> int:
        """Bytes read so far."""
        return min(self._raw.tell(), self.total)

    def batch(self, size: int) -> tuple[list[tuple[int, list[str]]], list[tuple[int, str]], bool]:
        """Up to `size` rows as (line, cells), lines that are no row with the reason, and whether there may be more.

        Lines count from 1, as an editor does; a row of several lines is where it ends.
        """
        rows: list[tuple[int, list[str]]] = []
        broken: list[tuple[int, str]] = []
        reader: Any = self._rows
        for _ in range(size):
            try:
                cells = next(reader)
            except StopIteration:
                return rows, broken, False
            except csv.Error as error:
                broken.append((reader.line_num, f"The row is not well formed: {error}."))
                continue
            except (OSError, EOFError, UnicodeError, zlib.error) as error:
                raise FileNotUnderstood(
                    f"The file ends too early or is damaged, near line {reader.line_num}."
                ) from error
            if cells:
                rows.append((reader.line_num, cells))
        return rows, broken, True

    def close(self) -> None:
        """Close the file."""
        self._text.close()
        self._raw.close()
