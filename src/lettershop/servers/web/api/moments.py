"""Times of the API: RFC 3339 in UTC, to the millisecond. [pure]"""

from datetime import UTC, datetime


def told(at: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def told_always(at: float) -> str:
    """The same of a time that is always there."""
    return told(at) or ""
