"""The questions that checks ask of the DNS, and the answers. [pure]

def check(...) -> Check[Result]:            # a generator
    answer = yield Query("_dmarc.b.example", "TXT")
    ...
    return Result(...)

drive(check(...), answers.__getitem__)      # tests; mail.authenticate drives with a resolver
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, TypeVar

Status = Literal["ok", "nodata", "nxdomain", "failed"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query:
    """One question: `name` without the final dot, `rdtype` like "TXT"."""

    name: str
    rdtype: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the DNS says. `records` is empty unless `status` is "ok".

    nodata: the name exists without such a record; nxdomain: there is no such name; failed: no answer (time-out,
    SERVFAIL), so asking later may help. `ttl`: seconds it may be kept. `authenticated`: the AD flag (RFC 4035).
    Records are text: TXT joined and unquoted, MX "10 mx.b.example", names without the final dot, others as in a zone file.
    """

    status: Status
    records: tuple[str, ...] = ()
    ttl: float = 0.0
    authenticated: bool = False


NO_SUCH_NAME = Answer("nxdomain")
FAILED = Answer("failed")

Check = Generator[Query, Answer, T]
"""A check in the middle of its work."""


def drive(check: Check[T], ask: Callable[[Query], Answer]) -> T:
    """Run a check to its result with answers from a function."""
    try:
        query = next(check)
        while True:
            query = check.send(ask(query))
    except StopIteration as done:
        result: T = done.value
        return result
