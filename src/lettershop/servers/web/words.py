"""Numbers, shares, sizes and moments as people read them; the filters of the templates. [pure]

Moments are written in UTC inside a `<time>` element; `app.js` turns them into the reader's own zone.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from babel.dates import format_date, format_time
from babel.numbers import get_decimal_symbol, get_group_symbol
from markupsafe import Markup, escape

NOTHING = "–"
_SLOT = re.compile(r"\{\{\s*([\w.]+)[^{}]*\}\}")


def number(value: float | None) -> str:
    """1234567 as 1,234,567."""
    return NOTHING if value is None else f"{value:,.0f}"


def share(part: float, whole: float, digits: int = 1) -> str:
    """The share as a percentage; small ones keep two digits, and what is not nothing never reads 0 %."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    if 0 < percent < 1:
        digits = max(digits, 2)
    if 0 < percent < 10**-digits / 2:
        return f"<{10**-digits:g} %"
    return f"{percent:.{digits}f} %"


def milliseconds(value: float | None) -> str:
    """A duration given in milliseconds, in the unit that fits."""
    if value is None:
        return NOTHING
    if value < 1_000:
        return f"{value:.0f} ms"
    return duration(value / 1000)


def duration(seconds: float | None) -> str:
    """Seconds as 4.2 s, 3 min 05 s, 2 h 10 min, 3 d 4 h."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 172_800:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def size(count: int | None) -> str:
    """Bytes as kB, MB, GB (powers of 1000)."""
    if count is None:
        return NOTHING
    value, unit = float(count), "B"
    for bigger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, bigger
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def moment(at: float | None, style: str = "full") -> str:
    """A moment as a `<time>` element. `style`: full, day, relative (what the script makes of it)."""
    if at is None:
        return NOTHING
    when = datetime.fromtimestamp(at, UTC)
    words = f"{when.day} {when:%b %Y}" if style == "day" else f"{when.day} {when:%b %Y, %H:%M} UTC"
    return _time(when, style, words)


def _time(when: datetime, style: str, words: str) -> str:
    element = Markup('<time datetime="{}" data-style="{}">{}</time>')
    return element.format(when.isoformat(timespec="seconds"), style, words)


def slots(text: str) -> str:
    """A text with merge fields, each as the name of its field: {{ first_name|default('you') }} becomes [first name]."""
    pieces = _SLOT.split(text)
    element = Markup('<span class="slot">{}</span>')
    return Markup("").join(
        element.format(piece.replace("_", " ")) if position % 2 else escape(piece)
        for position, piece in enumerate(pieces)
    )


def initials(name: str) -> str:
    """One or two letters for a round sign."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def plain(value: object) -> object:
    """A value as people say it: yes and no for truth values."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "share": share,
    "milliseconds": milliseconds,
    "duration": duration,
    "size": size,
    "moment": moment,
    "initials": initials,
    "slots": slots,
    "plain": plain,
}
FIGURES = ("number", "share", "milliseconds", "duration", "size")


def filters(language: str) -> dict[str, Callable[..., Any]]:
    """The filters of a language: separators and dates are its own."""
    if language == "en":
        return FILTERS
    group, decimal = get_group_symbol(language), get_decimal_symbol(language)
    table = str.maketrans({",": group, ".": decimal})

    def translated(made: Callable[..., str]) -> Callable[..., str]:
        return lambda *given, **more: made(*given, **more).translate(table)

    def local_moment(at: float | None, style: str = "full") -> str:
        if at is None:
            return NOTHING
        when = datetime.fromtimestamp(at, UTC)
        words = format_date(when, "medium", language)
        shown = words if style == "day" else f"{words}, {format_time(when, 'short', locale=language)} UTC"
        return _time(when, style, shown)

    return {**FILTERS, **{name: translated(FILTERS[name]) for name in FIGURES}, "moment": local_moment}
