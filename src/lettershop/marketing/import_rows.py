"""Rows of an import's file: what each column is, each row checked, the refused with the reason. [pure]

header > `plan` (columns mapped, kinds known or learned) > `RowCheck.check` a row > ImportRow, or Invalid in words
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lettershop.base.errors import Invalid
from lettershop.marketing.addresses import FLAGS, AddressCheck, Suspicion
from lettershop.marketing.attributes import READ, Learner, misfit, words_of
from lettershop.marketing.quoted import clean
from lettershop.marketing.segments import COLUMNS, attribute
from lettershop.marketing.table_file import FileNotUnderstood, map_header
from lettershop.store.imports import ImportRow

MAX_VALUE = 10_000
"""Characters of one cell."""

RULES = ("add", "update", "overwrite")
CONSENT_KINDS = ("express", "implied")
IMPLIED_DAYS = 730
"""CASL 10(10): consent implied by a purchase ends two years after it."""

SKIP = "-"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What an import is told.

    `basis`: on what ground these people may be written to, in words; `kind`: express or implied; `expires_days`: after
    how many days the consent ends (None: never if express, two years if implied). `rule`: of people who are there
    already, add leaves name, attributes and tags; update writes what has a value; overwrite also clears what is empty.
    `columns`: by the header of the file, or the name made of it: email, name, tags, an attribute, or "-" to leave it out.
    `refuse`: suspicions (typo, disposable, role, no-mx) for which a row is refused instead of flagged.
    """

    list_name: str
    basis: str
    kind: str = "express"
    expires_days: int | None = None
    rule: str = "update"
    columns: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    check_mx: bool = False

    def __post_init__(self) -> None:
        for name, value, allowed in (("rule", self.rule, RULES), ("kind", self.kind, CONSENT_KINDS)):
            if value not in allowed:
                raise Invalid(f"The {name} is one of {', '.join(allowed)}, not {value!r}.")
        unknown = set(self.refuse) - set(FLAGS)
        if unknown:
            raise Invalid(f"Rows can be refused for {', '.join(FLAGS)}, not for {', '.join(sorted(unknown))}.")
        if self.expires_days is not None and self.expires_days < 1:
            raise Invalid("Consent ends after one day at least.")

    def expires_at(self, now: float) -> float | None:
        """When the consent ends."""
        days = self.expires_days or (IMPLIED_DAYS if self.kind == "implied" else None)
        return None if days is None else now + days * 86_400.0

    def told(self) -> dict[str, Any]:
        """As JSON; `ImportOptions.read` is the way back."""
        return {name: _plain(getattr(self, name)) for name in ImportOptions.__slots__}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "ImportOptions":
        """From JSON; raises Invalid."""
        values: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
        try:
            return cls(**values)
        except TypeError as error:
            raise Invalid(f"An import knows {', '.join(ImportOptions.__slots__)}.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken. `line` counts from 1, as an editor does; a row of several lines is where it ends."""

    line: int
    reason: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlaggedRow:
    """A row that was taken, with what is odd about its address."""

    line: int
    address: str
    flag: str
    suggestion: str


def targets_of(header: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    """What each column is: email, name, tags, an attribute, or "-". Raises FileNotUnderstood, SegmentInvalid."""
    if not header:
        raise FileNotUnderstood("The file is empty.")
    for target in columns.values():
        if target != SKIP:
            attribute(target)
    found = map_header(header, columns)
    twice = {name for name in found if name != SKIP and found.count(name) > 1}
    if twice:
        raise FileNotUnderstood(f"Two columns are {', '.join(sorted(twice))}.")
    return found


def attributes_in(targets: Iterable[str]) -> list[str]:
    """The attributes among the targets."""
    return [target for target in targets if target not in (SKIP, "email", "name", "tags", *COLUMNS)]


class KindLearner:
    """Learns the kinds of the columns that are attributes which nobody knows."""

    def __init__(self, targets: Sequence[str], known: Mapping[str, str]) -> None:
        unknown = set(attributes_in(targets)) - known.keys()
        self._learners = {place: Learner() for place, target in enumerate(targets) if target in unknown}
        self._targets = targets

    @property
    def needed(self) -> bool:
        """Whether there is anything to learn."""
        return bool(self._learners)

    def see(self, rows: Sequence[tuple[int, list[str]]]) -> None:
        """Look at more rows of the file."""
        for place, learner in self._learners.items():
            learner.see({cells[place].strip() for _, cells in rows if len(cells) == len(self._targets)})

    def kinds(self) -> dict[str, str]:
        """What was learned."""
        return {self._targets[place]: learner.kind for place, learner in self._learners.items()}


class RowCheck:
    """Checks rows. `kinds`: of every attribute among the targets."""

    def __init__(self, targets: Sequence[str], kinds: Mapping[str, str], options: ImportOptions) -> None:
        self._width = len(targets)
        self._email = targets.index("email")
        self._name = targets.index("name") if "name" in targets else None
        self._tags = targets.index("tags") if "tags" in targets else None
        self._readers: list[tuple[int, str, str, Callable[[str], Any]]] = [
            (place, target, kinds[target], READ[kinds[target]])
            for place, target in enumerate(targets)
            if target in set(attributes_in(targets))
        ]
        self._options = options
        self._addresses = AddressCheck()

    def rows(
        self, rows: Sequence[tuple[int, list[str]]]
    ) -> tuple[list[tuple[int, ImportRow]], list[RefusedRow], list[FlaggedRow]]:
        """The good with their lines, the refused, the suspicious among the good."""
        good: list[tuple[int, ImportRow]] = []
        bad: list[RefusedRow] = []
        flagged: list[FlaggedRow] = []
        for line, cells in rows:
            try:
                row, odd = self.check(cells)
            except Invalid as error:
                bad.append(RefusedRow(line, error.public, tuple(cells)))
                continue
            good.append((line, row))
            if odd:
                flagged += [FlaggedRow(line, row.email, entry.flag, entry.suggestion) for entry in odd]
        return good, bad, flagged

    def check(self, cells: Sequence[str]) -> tuple[ImportRow, tuple[Suspicion, ...]]:
        """A row as a contact, and what is odd about its address; raises Invalid with the reason in words."""
        if len(cells) != self._width:
            raise Invalid(f"{len(cells)} columns instead of {self._width}.")
        cells = _cleaned(cells)
        email, key, domain, odd = self._addresses.check(cells[self._email])
        for entry in odd:
            if entry.flag in self._options.refuse:
                raise Invalid(refusal(entry))
        attributes, cleared = self._attributes(cells)
        name = cells[self._name] if self._name is not None else ""
        if not name and ("first_name" in attributes or "last_name" in attributes):
            name = " ".join([str(attributes[part]) for part in ("first_name", "last_name") if part in attributes])
        tags = self._options.tags
        if self._tags is not None and cells[self._tags]:
            tags = (*tags, *words_of(cells[self._tags]))
        return ImportRow(email, key, domain, name, attributes, tags, cleared), odd

    def _attributes(self, cells: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
        attributes: dict[str, Any] = {}
        cleared: tuple[str, ...] = ()
        for place, name, kind, read in self._readers:
            cell = cells[place]
            if not cell:
                cleared = (*cleared, name)
                continue
            try:
                attributes[name] = read(cell)
            except ValueError as error:
                raise misfit(name, kind, cell) from error
        return attributes, cleared


def refusal(suspicion: Suspicion) -> str:
    """Why a row is refused for a suspicion, in words."""
    words = {
        "typo": f"The domain is likely mistyped; {suspicion.suggestion} may be meant.",
        "disposable": "The domain gives mailboxes to anyone for minutes.",
        "role": "The address belongs to a role and to no person.",
        "no-mx": "The domain has no mail server.",
    }
    return words[suspicion.flag]


def _cleaned(cells: Sequence[str]) -> list[str]:
    together = "".join(cells)
    if not (together.isascii() and together.isprintable()):
        if "\ufffd" in together:
            raise Invalid("A character is not valid in the encoding of the file.")
        cells = [clean(cell) for cell in cells]
    if len(together) > MAX_VALUE and any(len(cell) > MAX_VALUE for cell in cells):
        raise Invalid(f"A cell has more than {MAX_VALUE} characters.")
    if "'" in together:  # as an export writes what a spreadsheet would take for a formula (`marketing.export`)
        cells = [cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell for cell in cells]
    return [cell.strip() for cell in cells]
