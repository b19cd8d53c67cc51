"""MTA-STS: the record that announces a policy, the policy's text, which hosts it names (RFC 8461). [pure]

    policy_id(["v=STSv1; id=20240101;"])    -> "20240101"
    parse(b"version: STSv1\\nmode: enforce\\nmx: *.b.example\\nmax_age: 604800\\n") -> Policy
    policy.names("mx1.b.example")           -> True

Fetching is `net.fetch`, keeping `store.sts_policies`, what follows from a policy `egress.protection`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lettershop.base.errors import Invalid

Mode = Literal["enforce", "testing", "none"]
LONGEST_AGE = 31_557_600
"""Seconds; RFC 8461 3.2: about a year."""
LARGEST = 65_536
"""Octets of a policy; RFC 8461 3.3 suggests this bound."""

_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_AGE = re.compile(r"[0-9]{1,10}")
_PATTERN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class BadPolicy(Invalid):
    """The text is no policy."""

    code = "mta-sts-policy"


@dataclass(frozen=True, slots=True)
class Policy:
    """`mx`: patterns in lower case, "mx.b.example" or "*.b.example"; `max_age` in seconds."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int

    def names(self, host: str) -> bool:
        """Whether a host is among those of the policy; a star stands for one label (RFC 8461 4.1)."""
        host = host.lower().rstrip(".")
        parent = host.partition(".")[2]
        return any(pattern in (host, f"*.{parent}") for pattern in self.mx)

    @property
    def lines(self) -> tuple[str, ...]:
        """Its text, as reports quote it (RFC 8460 4.4)."""
        return ("version: STSv1", f"mode: {self.mode}", *(f"mx: {one}" for one in self.mx), f"max_age: {self.max_age}")


def policy_id(records: Sequence[str]) -> str | None:
    """The id in the TXT records of _mta-sts; None if there is no policy. More than one record is none (RFC 8461 3.1)."""
    ours = [record for record in records if re.match(r"v=STSv1[ \t]*(;|$)", record)]
    if len(ours) != 1:
        return None
    parts = (part.partition("=") for part in ours[0].split(";"))
    found = {name.strip(): value.strip() for name, _, value in parts}.get("id", "")
    return found if _ID.fullmatch(found) else None


def parse(text: bytes) -> Policy:
    """A policy from its text; unknown fields are passed over, of repeated ones the first counts. Raises BadPolicy."""
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in text.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon:
            if line.strip():
                raise BadPolicy("A line of the policy is no field.")
        elif name == "mx":
            patterns.append(value.lower().rstrip("."))
        else:
            fields.setdefault(name, value)  # RFC 8461 3.2
    return _checked(fields, patterns)


def _checked(fields: dict[str, str], patterns: Sequence[str]) -> Policy:
    mode, age = fields.get("mode"), fields.get("max_age", "")
    if fields.get("version") != "STSv1":
        raise BadPolicy("The policy is not of version STSv1.")
    if mode not in get_args(Mode):
        raise BadPolicy("The policy has no mode that is known.")
    if not _AGE.fullmatch(age) or int(age) > LONGEST_AGE:
        raise BadPolicy("The policy has no max_age, or one that is too long.")
    if (not patterns and mode != "none") or not all(_PATTERN.fullmatch(pattern) for pattern in patterns):
        raise BadPolicy("The policy names no host, or one that is no name.")  # RFC 8461 3.2
    return Policy(mode, tuple(patterns), int(age))  # type: ignore[arg-type]
