"""The table of rules by which answers of receivers are understood: read, checked, and asked. [pure]

    rules = parse(shipped_text).under(parse(operators_text))        the operator's rules come first
    rules.classify(550, "5.1.1", "no such user", "rcpt", "mx.b.example")

`bounce_rules.toml` says what stands in such a file and in which order it is read. Patterns are compiled at the first
answer that needs them. Addresses, numbers of networks and identifiers in an answer are made alike before it is looked at:
they mean nothing, and so most answers of a campaign are found in the cache.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from lettershop.base.errors import Invalid
from lettershop.egress.retries import NAMES, told_wait

Stage = Literal["route", "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "dot", "quit", ""]
"""Where the answer came: "route" is the look-up of the MX, "dot" the answer to the whole message."""

BEFORE_MAIL = frozenset({"connect", "greeting", "ehlo", "tls", "auth"})
"""Stages at which a refusal concerns us or the host, never one address or message."""

TELLS_NOTHING = frozenset({"", "0.0", "1.0", "2.0", "3.0", "4.0", "5.0", "7.0", "7.1"})
"""Details of enhanced codes that receivers use for everything."""

CACHED = 4096
"""Answers that are remembered."""
LONGEST = 2_000
"""Characters of an answer that are looked at."""

_VARYING = re.compile(
    r"(?P<address>[^\s<>()\[\]:;,\"'@|]{1,80}@(?:[\w-]{1,63}\.){0,8}[\w-]{1,63})"
    r"|(?P<ip>\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b)|(?P<id>\b(?=[A-Za-z]*\d)[A-Za-z0-9]{14,}\b)"
)
_ALIKE = {"address": "a@b.example", "ip": "192.0.2.1", "id": "id"}

_LEADING = re.compile(r"\s*[245]\d\d[ -]+(?=\S)")
"""The code again: bounces quote whole replies."""

UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Class:
    """What an answer means. `hard`: the address is dead. `retry`: it may work later. Neither: this message is refused.

    `certain`: the words name a dead address, so that a bounce with a 4xx code, given up in the end, is hard too.
    `again`: the schedule of the next attempts; `wait`: the seconds that the receiver names itself, or 0.
    """

    reason: str
    hard: bool
    retry: bool
    advice: str
    provider: str = ""
    certain: bool = False
    again: str = ""
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Reason:
    """`hard`: dead if said for good; `certain`: dead if said in words; `passing`: passes by itself, even when said with 5xx.

    `again`: the schedule by which it is tried again; empty: the usual one.
    """

    hard: bool = False
    certain: bool = False
    passing: bool = False
    advice: str = ""
    again: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """Names of its servers end in one of `hosts`, or only its answers hold `words`."""

    hosts: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """See `bounce_rules.toml`."""

    reason: str
    words: tuple[str, ...] = ()
    codes: frozenset[int] = frozenset()
    status: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    advice: str = ""
    hard: bool | None = None
    retry: bool | None = None
    certain: bool | None = None
    again: str = ""
    samples: tuple[str, ...] = ()

    def fits(self, code: int, status: str, provider: str, stage: str) -> bool:
        """Whether all but the words fits."""
        return (
            (not self.codes or code in self.codes)
            and (not self.providers or provider in self.providers)
            and (not self.stages or stage in self.stages)
            and (not self.status or any(_covers(wanted, status) for wanted in self.status))
        )


def _covers(wanted: str, status: str) -> bool:
    """ "5.7" covers "5.7.1", "x.1.1" covers "4.1.1"."""
    kind, _, detail = wanted.partition(".")
    return status.startswith(kind if kind != "x" else status[:1]) and (
        status[2:] == detail or status[2:].startswith(f"{detail}.")
    )


@dataclass(frozen=True)
class Rules:
    """A whole table. Frozen but for the cache and what is compiled."""

    reasons: Mapping[str, Reason] = field(default_factory=dict)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    vague: tuple[Rule, ...] = ()
    status: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[int, str] = field(default_factory=dict)
    _cache: dict[tuple[int, str, str, str, str], Class] = field(default_factory=dict, repr=False, compare=False)

    def under(self, first: "Rules") -> "Rules":
        """This table with another one laid over it: its rules come first, its reasons, providers and codes replace."""
        return Rules(
            {**self.reasons, **first.reasons}, {**self.providers, **first.providers},
            (*first.rules, *self.rules), (*first.vague, *self.vague),
            {**self.status, **first.status}, {**self.codes, **first.codes},
        )  # fmt: skip

    def checked(self) -> "Rules":
        """Itself, every pattern compiled and every name known; raises Invalid."""
        named = [(rule.reason, f"rule {rule.words or rule.status}") for rule in (*self.rules, *self.vague)]
        named += [(reason, f"code {code}") for code, reason in (*self.status.items(), *self.codes.items())]
        for reason, where in named:
            if reason not in self.reasons:
                raise Invalid(
                    f"Bounce rules: {where} names the reason “{reason}”, which there is not.", code="bounce-rules"
                )
        schedules = {one.again for one in self.reasons.values()} | {one.again for one in (*self.rules, *self.vague)}
        for again in schedules - {"", *NAMES}:
            raise Invalid(f"Bounce rules: there is no schedule “{again}”.", code="bounce-rules")
        for provider in {name for rule in (*self.rules, *self.vague) for name in rule.providers} - set(self.providers):
            raise Invalid(
                f"Bounce rules: a rule names the provider “{provider}”, which there is not.", code="bounce-rules"
            )
        _ = self._compiled, self._compiled_vague, self._by_words
        return self

    def classify(self, code: int, enhanced: str, text: str, stage: str = "", host: str = "") -> Class:
        """The class of an answer. `enhanced` as "5.1.1" or empty; before MAIL an answer never concerns one address."""
        alike = _VARYING.sub(_made_alike, _without_lead(text[:LONGEST]))
        if enhanced and alike.startswith(enhanced):
            alike = alike[len(enhanced) :].lstrip()
        alike = alike.lower()
        key = (code, enhanced, alike, stage, self._by_host(host) if host else "")
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= CACHED:
                self._cache.clear()
            found = self._cache[key] = self._classify(code, enhanced, alike, stage, key[4])
        return found

    def first(self, answer: str, code: int = 0, enhanced: str = "") -> Rule | None:
        """The first rule that fits; for tests of the table."""
        return _first(
            (*self._compiled, *self._compiled_vague), answer.lower(), code, enhanced, self.provider(answer), ""
        )

    def provider(self, text: str, host: str = "") -> str:
        """Whose answer it is, by the server's name or by the words; empty if nobody's we know."""
        known = self._by_host(host) if host else ""
        return known or next((name for name, words in self._by_words if words.search(text.lower())), "")

    def _by_host(self, host: str) -> str:
        """ "mx1.mail.b.example" is tried as itself, then by its ends."""
        labels = host.lower().strip(".[]").split(".")
        ends = (".".join(labels[start:]) for start in range(min(len(labels), 12)))
        return next((found for end in ends if (found := self._hosts.get(end))), "")

    @cached_property
    def _hosts(self) -> dict[str, str]:
        return {host: name for name, provider in self.providers.items() for host in provider.hosts}

    @cached_property
    def _by_words(self) -> list[tuple[str, re.Pattern[str]]]:
        return [(name, _pattern((one.words,))) for name, one in self.providers.items() if one.words]

    @cached_property
    def _compiled(self) -> list[tuple[re.Pattern[str], Rule]]:
        return [(_pattern(rule.words), rule) for rule in self.rules]

    @cached_property
    def _compiled_vague(self) -> list[tuple[re.Pattern[str], Rule]]:
        return [(_pattern(rule.words), rule) for rule in self.vague]

    def _classify(self, code: int, enhanced: str, text: str, stage: str, provider: str) -> Class:
        answer = f"{code} {enhanced} {text}" if enhanced else f"{code} {text}"
        provider = provider or self.provider(answer)
        detail = enhanced[2:]
        rule = _first(self._compiled, answer, code, enhanced, provider, stage)
        coded = self.status.get(detail)
        if rule is None and (coded is None or detail in TELLS_NOTHING):
            rule = _first(self._compiled_vague, answer, code, enhanced, provider, stage)
            coded = None if rule else self.codes.get(code) or coded
        found = self._meaning(rule, coded or UNDETERMINED, code, stage, provider)
        return replace(found, wait=told_wait(text)) if found.retry else found

    def _meaning(self, rule: Rule | None, coded: str, code: int, stage: str, provider: str) -> Class:
        name = rule.reason if rule else coded
        reason = self.reasons.get(name, Reason())
        permanent = code >= 500 and stage not in BEFORE_MAIL
        rule = rule or Rule(name)
        hard = reason.hard if rule.hard is None else rule.hard
        certain = (reason.certain if rule.certain is None else rule.certain) and bool(rule.words)
        retry = (not permanent or reason.passing) if rule.retry is None or not permanent else rule.retry
        return Class(
            name, permanent and hard, retry, rule.advice or reason.advice, provider, certain and hard,
            rule.again or reason.again,
        )  # fmt: skip

    def advice(self, reason: str) -> str:
        """The sentence for a reason."""
        return self.reasons.get(reason, Reason()).advice


def _first(
    compiled: Iterable[tuple[re.Pattern[str], Rule]], answer: str, code: int, status: str, provider: str, stage: str
) -> Rule | None:
    for pattern, rule in compiled:
        if pattern.search(answer) and rule.fits(code, status, provider, stage):
            return rule
    return None


def _without_lead(text: str) -> str:
    lead = _LEADING.match(text)
    return text[lead.end() :] if lead else text


def _made_alike(match: re.Match[str]) -> str:
    return _ALIKE[match.lastgroup or "id"]


_ANY = re.compile(r"\\.|.", re.DOTALL)


def _lower(match: re.Match[str]) -> str:
    """A character of a pattern in lower case, but for what is escaped: \\S is not \\s."""
    return match[0] if match[0].startswith("\\") else match[0].lower()


def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the words, for text in lower case (three times as fast as leaving the case to `re`); of none, everything."""
    try:
        return re.compile(_ANY.sub(_lower, "|".join(f"(?:{one})" for one in words)))
    except re.error as error:
        raise Invalid(
            f"Bounce rules: “{error.pattern!s}” is no regular expression: {error}", code="bounce-rules"
        ) from None


# -- the file ----------------------------------------------------------------------------------------------------------


def parse(text: str) -> Rules:
    """A table in the form of `bounce_rules.toml`; raises Invalid, naming what is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"Bounce rules: {error}", code="bounce-rules") from None
    unknown = set(data) - {"reasons", "providers", "rules", "vague", "status", "codes"}
    if unknown:
        raise Invalid(f"Bounce rules: there is no section “{min(unknown)}”.", code="bounce-rules")
    try:
        return Rules(
            {name: Reason(**one) for name, one in data.get("reasons", {}).items()},
            {name: Provider(**_typed(one)) for name, one in data.get("providers", {}).items()},
            tuple(_rules(data.get("rules", []))), tuple(_rules(data.get("vague", []))),
            dict(data.get("status", {})), {int(code): str(name) for code, name in data.get("codes", {}).items()},
        )  # fmt: skip
    except (TypeError, ValueError, AttributeError) as error:
        raise Invalid(f"Bounce rules: {_readable(error)}", code="bounce-rules") from None


def _rules(entries: Iterable[dict[str, Any]]) -> Iterator[Rule]:
    for entry in entries:
        yield Rule(**_typed(entry))


_SETS = ("codes", "status", "providers", "stages")


def _typed(entry: dict[str, Any]) -> dict[str, Any]:
    """Lists as the values have them; a single word may stand for a list of one."""
    typed: dict[str, Any] = {}
    for name, value in entry.items():
        many = value if isinstance(value, list) else [value]
        if name in _SETS:
            typed[name] = frozenset(many)
        elif name in ("words", "samples", "hosts") and (isinstance(value, list) or "reason" in entry):
            typed[name] = tuple(many)
        else:
            typed[name] = value
    return typed


def _readable(error: Exception) -> str:
    """ "Rule.__init__() got an unexpected keyword argument 'word'" without the part for programmers."""
    return re.sub(r"^\w+\.__init__\(\) ", "an entry ", str(error)).replace("keyword argument", "key")
