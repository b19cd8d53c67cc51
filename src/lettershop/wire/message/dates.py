"""Dates of header fields (RFC 5322 3.3 and its obsolete forms): text <-> seconds since the epoch. [pure]"""

import re
from datetime import UTC, datetime, timedelta, timezone

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {"ut": 0, "gmt": 0, "utc": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6,
          "pst": -8, "pdt": -7}  # fmt: skip
_DATE = re.compile(
    r"(?:[a-z]{2,9}\.?\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s-]+(\d{2,4})"
    r"(?:\s*,?\s+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?)?\s*([+-]\d{4}|[a-z]{1,4})?",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"\([^()]*\)")


def parse(value: str) -> float | None:
    """Seconds since the epoch, or None if it is no date. Without a zone it is taken for UTC (RFC 5322 4.3)."""
    match = _DATE.search(_COMMENT.sub(" ", value))
    if match is None or match[2].lower() not in _MONTHS:
        return None
    try:
        moment = datetime(
            _year(match[3]), _MONTHS.index(match[2].lower()) + 1, int(match[1]), int(match[4] or 0), int(match[5] or 0),
            min(int(match[6] or 0), 59), tzinfo=_zone(match[7] or ""),
        )  # fmt: skip
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 2:
        return year + (2000 if year < 50 else 1900)  # RFC 5322 4.3
    return year + 1900 if len(text) == 3 else year


def _zone(text: str) -> timezone:
    if text[:1] in ("+", "-"):
        offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
        return timezone(-offset if text[0] == "-" else offset)
    return timezone(timedelta(hours=_ZONES.get(text.lower(), 0)))


def format_date(at: float) -> str:
    """RFC 5322 3.3, in UTC."""
    moment = datetime.fromtimestamp(int(at), UTC)
    month = _MONTHS[moment.month - 1].title()
    return f"{_DAYS[moment.weekday()]}, {moment.day:02} {month} {moment.year} {moment:%H:%M:%S} +0000"
