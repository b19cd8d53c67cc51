"""What an answer of a receiver means: a reason in the usual terms, hard or soft, try again or not, and advice.

The rules are a table that ships with the program (`bounce_rules.toml`), under the operator's own (`delivery.bounce_rules`);
`egress.rules` reads and asks it. Words are more trustworthy than codes: large providers use 5.7.1 and 5.5.0 for nearly
everything. Failures of our own (a name that does not resolve, a refused connection) come here in the words of a reply.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

from lettershop.base.errors import Invalid
from lettershop.egress.rules import BEFORE_MAIL, Class, Rules, Stage, parse

__all__ = ["BEFORE_MAIL", "EXPIRED", "Class", "Rules", "Stage", "classify", "load", "shipped"]


@cache
def shipped() -> Rules:
    """The table that ships with the program, read at the first need."""
    return parse((files("lettershop.egress") / "bounce_rules.toml").read_text("utf-8"))


def load(overlay: str | Path | None) -> Rules:
    """The shipped table under the operator's; raises Invalid where that one cannot be read or is wrong."""
    if not overlay:
        return shipped()
    try:
        text = Path(overlay).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"Bounce rules: {overlay} cannot be read: {error}", code="bounce-rules") from None
    return shipped().under(parse(text)).checked()


def classify(code: int, enhanced: str, text: str, stage: Stage = "", host: str = "") -> Class:
    """By the shipped table."""
    return shipped().classify(code, enhanced, text, stage, host)


EXPIRED = Class("expired", hard=False, retry=False, advice="It was tried until its time ran out.")
"""Given up by ourselves because the time ran out before any answer gave a better reason."""
