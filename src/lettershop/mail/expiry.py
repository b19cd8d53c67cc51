"""How long a message may be tried: as its sender asks, within bounds. [pure]

A submitted message says it in the field `Lettershop-Expires`, which is taken out before the message is signed:
seconds, minutes, hours or days ("600", "10m", "4h", "2d") or a moment as in the Date field.
"""

import re

from lettershop.base.errors import Invalid
from lettershop.wire.message import dates, headers

FIELD = "Lettershop-Expires"
LONGEST = 30 * 86_400.0
"""Seconds: nobody waits longer for a message."""

_SPAN = re.compile(r"(\d{1,9}) ?([smhd]?)(?:ec(?:ond)?s?|in(?:ute)?s?|ours?|r?s|ays?)?", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class WrongExpiry(Invalid):
    """The moment at which the message is to be given up is none, or none that can be kept."""

    code = "wrong-expiry"


def taken_out(message: bytes) -> tuple[bytes, str]:
    """The message without the field, and the field's value; empty if there is none. Other bytes stay as they are."""
    if FIELD.lower().encode() not in message[: message.find(b"\r\n\r\n") + 2].lower():
        return message, ""
    fields = headers.parse(message).all(FIELD)
    for field in reversed(fields):
        message = message[: field.start] + message[field.end :]
    return message, fields[0].value if fields else ""


def span(text: str) -> float | None:
    """Seconds of "600", "10m", "4 hours", "2d"; None if it is none of these."""
    found = _SPAN.fullmatch(text.strip())
    return None if found is None else float(int(found[1]) * _SECONDS[found[2].lower()])


def read(value: str, now: float) -> float:
    """The moment that a field names; raises WrongExpiry."""
    seconds = span(value)
    at = dates.parse(value) if seconds is None else now + seconds
    if at is None:
        raise WrongExpiry(f"{FIELD} must be a number of seconds, minutes, hours or days, as 10m, or a date.")
    return at


def checked(at: float, due: float) -> float:
    """The same moment, if it lies after `due` and not too far away; raises WrongExpiry."""
    if at <= due:
        raise WrongExpiry("The message would be given up before it is sent for the first time.")
    if at > due + LONGEST:
        raise WrongExpiry(f"A message is tried for {LONGEST / 86_400:.0f} days at most.")
    return at
