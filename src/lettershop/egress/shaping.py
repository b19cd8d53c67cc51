"""The table of receivers' limits: which site a domain belongs to, and how much that site takes. [pure]

    table = parse(shipped).under(parse(operators))          the operator's rows and rules come first
    table.site("b.example", ["mx1.b.example"]) -> SiteName("mx1.b.example", row "default")
    table.site("gmail.com", ["gmail-smtp-in.l.google.com", …]) -> SiteName("google", row "google")

A site is what receivers count by. Domains of a row with `rollup` are one site that is called like the row; all others
are called by the first of their best MX hosts, so that domains with the same server share its limits. `shaping.toml`
says what stands in such a file.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lettershop.base.errors import ConfigError
from lettershop.egress.classify import shipped

DEFAULT = "default"
_ROW_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class _When(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answer: str = ""
    reasons: list[str] = []
    times: int = Field(1, ge=1, le=1000)
    within: float = Field(3600, gt=0)
    share: float = Field(0, ge=0, le=1)
    suspend: bool = False
    connections: int | None = Field(None, ge=1)
    messages_per_minute: float | None = Field(None, gt=0)
    seconds: float = Field(alias="for", gt=0)
    why: str
    sample: str = ""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: str | None = None
    mx: list[str] | None = None
    domains: list[str] | None = None
    rollup: bool | None = None
    connections: int | None = Field(None, ge=1)
    messages_per_connection: int | None = Field(None, ge=1)
    messages_per_minute: float | None = Field(None, ge=0)
    when: list[_When] = []


@dataclass(frozen=True, slots=True)
class Rule:
    """What an answer does; see `shaping.toml`. `pattern` None: the classes of answers decide."""

    pattern: re.Pattern[str] | None
    reasons: frozenset[str]
    times: int
    within: float
    share: float
    suspend: bool
    connections: int | None
    messages_per_minute: float | None
    seconds: float
    why: str
    sample: str

    def fits(self, reason: str, line: str) -> bool:
        """Whether an answer of this class and text is one of those."""
        return reason in self.reasons or (self.pattern is not None and self.pattern.search(line) is not None)


@dataclass(frozen=True, slots=True)
class Row:
    """The limits of one source address at one site; 0 messages a minute: no limit."""

    name: str
    label: str = ""
    mx: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    rollup: bool = True
    connections: int = 10
    messages_per_connection: int = 100
    messages_per_minute: float = 0.0
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteName:
    """A site and the row that counts there."""

    name: str
    row: Row


@dataclass(frozen=True, slots=True)
class Shaping:
    """A table; the first row that fits counts."""

    default: Row
    rows: tuple[Row, ...] = ()
    _exact: Mapping[str, Row] = field(default_factory=dict)

    def site(self, domain: str, hosts: Sequence[str], *, by_domain: bool = True) -> SiteName:
        """The site of a domain whose MX hosts are these, best first. Without `by_domain` only the hosts count."""
        row = (self._by_domain(domain) if by_domain else None) or self._by_hosts(hosts) or self.default
        if row.name != DEFAULT and row.rollup:
            return SiteName(row.name, row)
        return SiteName(hosts[0] if hosts else domain, row)

    def row(self, name: str) -> Row | None:
        """The row of this name."""
        return self.default if name == DEFAULT else next((row for row in self.rows if row.name == name), None)

    def with_default(self, **changes: Any) -> "Shaping":
        """Other figures in the default row; rows that were made keep theirs."""
        return replace(self, default=replace(self.default, **changes))

    def _by_domain(self, domain: str) -> Row | None:
        return self._exact.get(domain) or next((row for row in self.rows if _any(row.domains, domain)), None)

    def _by_hosts(self, hosts: Sequence[str]) -> Row | None:
        if not hosts:
            return None
        return next((row for row in self.rows if row.mx and all(_any(row.mx, host) for host in hosts)), None)


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(name.endswith(pattern[1:]) if pattern.startswith("*") else name == pattern for pattern in patterns)


Sheets = dict[str, _Row]


def read(text: str, *, source: str) -> Sheets:
    """The tables of a file as they are written; raises ConfigError that names the key."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not valid TOML: {error}.") from error
    return {name: _sheet(name, table, source) for name, table in tree.items()}


def _sheet(name: str, table: Any, source: str) -> _Row:
    if not _ROW_NAME.fullmatch(name):
        raise ConfigError(f"{source}: [{name}] is no name of a row.", remedy="Write it in small letters, digits and -.")
    try:
        sheet = _Row.model_validate(table)
    except ValidationError as error:
        raise _explain(error, name, source) from error
    for number, rule in enumerate(sheet.when, start=1):
        if trouble := _trouble(rule):
            raise ConfigError(f"{source}: rule {number} of [{name}]: {trouble}")
    return sheet


def _explain(error: ValidationError, name: str, source: str) -> ConfigError:
    first = error.errors()[0]
    *path, key = [str(part) for part in first["loc"]] or [""]
    where = ".".join([name, *path, key])
    if first["type"] != "extra_forbidden":
        return ConfigError(f"{source}: {where}: {first['msg']}.")
    known = [info.alias or known for known, info in (_When if "when" in path else _Row).model_fields.items()]
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(known)}."
    return ConfigError(f"{source}: unknown key {where}.", remedy=hint)


def _trouble(rule: _When) -> str:
    """What is wrong with a rule that the types cannot say; empty if nothing."""
    unknown = sorted(set(rule.reasons) - set(shipped().reasons))
    if unknown:
        return f"there is no class of answers {unknown[0]!r}."
    if bool(rule.answer) == bool(rule.reasons):
        return "give either `answer` or `reasons`."
    if not (rule.suspend or rule.connections or rule.messages_per_minute):
        return "it does nothing: give `suspend`, `connections` or `messages_per_minute`."
    try:
        re.compile(rule.answer)
    except re.error as error:
        return f"`answer` is no regular expression: {error}."
    return ""


def build(*layers: Sheets) -> Shaping:
    """One table of several files; the last is the most important one."""
    merged: Sheets = {}
    for layer in layers:
        new = {name: sheet for name, sheet in layer.items() if name not in merged}
        kept = {name: _laid_over(sheet, layer.get(name)) for name, sheet in merged.items()}
        merged = {**new, **kept}  # a new row is asked before those it was laid over
    return _compiled(merged)


def _laid_over(below: _Row, above: _Row | None) -> _Row:
    if above is None:
        return below
    given = above.model_dump(exclude_none=True, exclude={"when"})
    return below.model_copy(update={**given, "when": [*above.when, *below.when]})


def _compiled(sheets: Sheets) -> Shaping:
    base = _row(DEFAULT, sheets.get(DEFAULT, _Row()), Row(DEFAULT, label="all others", rollup=False))
    rows = tuple(_row(name, sheet, base) for name, sheet in sheets.items() if name != DEFAULT)
    for row in rows:
        if not (row.mx or row.domains):
            raise ConfigError(f"shaping: the row [{row.name}] counts for nobody.", remedy="Give it `mx` or `domains`.")
    exact = {domain: row for row in reversed(rows) for domain in row.domains if not domain.startswith("*")}
    return Shaping(base, rows, exact)


def _row(name: str, sheet: _Row, base: Row) -> Row:
    return Row(
        name,
        _or(sheet.label, base.label if name == DEFAULT else name),
        tuple(pattern.lower() for pattern in sheet.mx or ()),
        tuple(pattern.lower() for pattern in sheet.domains or ()),
        _or(sheet.rollup, name != DEFAULT),
        _or(sheet.connections, base.connections),
        _or(sheet.messages_per_connection, base.messages_per_connection),
        _or(sheet.messages_per_minute, base.messages_per_minute),
        tuple(_rule(when) for when in sheet.when) + (base.rules if name != DEFAULT else ()),
    )


T = TypeVar("T")


def _or(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


def _rule(when: _When) -> Rule:
    return Rule(
        re.compile(when.answer, re.IGNORECASE) if when.answer else None, frozenset(when.reasons), when.times, when.within,
        when.share, when.suspend, when.connections, when.messages_per_minute, when.seconds, when.why, when.sample,
    )  # fmt: skip
