"""When each recipient of a campaign is due: a campaign of so many an hour, or one at everybody's own time. [pure]

A lane's limit (`store.breakers`) is what keeps the pace. Here messages only get their due time near their turn, so that
what waits for hours neither grows old in the queue nor carries the date of the first.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lettershop.base.errors import Invalid
from lettershop.store.campaigns import Campaign

SLOT = 300.0
"""Seconds of a paced campaign that share their due time."""
EARLIEST = timedelta(hours=14)
"""The zone that is farthest ahead of UTC."""

Row = tuple[int, str] | tuple[int, str, float]
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d{2}))?")


class ZoneUnknown(Invalid):
    """There is no such time zone."""

    code = "zone-unknown"


@dataclass(frozen=True, slots=True)
class Batch:
    """Recipients who are due together."""

    due_at: float
    expires_at: float
    rows: Sequence[Row]


def zone_of(name: Any) -> tzinfo | None:
    """The zone of a name ("Europe/Berlin") or an offset ("+02:00", "UTC-5"); None if it is neither."""
    if not isinstance(name, str) or not 0 < len(name) <= 64:
        return None
    if offset := _OFFSET.fullmatch(name.strip()):
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(span if offset[1] == "+" else -span) if span <= EARLIEST else None
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def known_zone(name: str) -> tzinfo:
    """The zone of a name; raises ZoneUnknown."""
    found = zone_of(name)
    if found is None:
        raise ZoneUnknown(f"There is no time zone {name!r}.", remedy="Write it as Europe/Berlin or +01:00.")
    return found


def own_moment(at: float, here: tzinfo, there: tzinfo) -> float:
    """When clocks there show what clocks here show at `at`."""
    return datetime.fromtimestamp(at, here).replace(tzinfo=there, fold=0).timestamp()


def begins_at(at: float, local_zone: str) -> float:
    """When a campaign planned for `at` has to begin: at everybody's own time it is that time in the first zone of the world."""
    here = zone_of(local_zone) if local_zone else None
    return at if here is None else own_moment(at, here, timezone(EARLIEST))


def batches(
    campaign: Campaign,
    rows: Sequence[Row],
    zones: Mapping[int, Any],
    now: float,
    expire: float,
    *,
    ranked: bool = False,
) -> Iterator[Batch]:
    """The next recipients by their due times. `zones`: what is known of theirs; `ranked`: their order is another matter."""
    turn = campaign.recipients / campaign.hourly * 3600 if campaign.hourly else 0.0
    if campaign.local_zone:
        lasts = expire + turn + (len(rows) / campaign.hourly * 3600 if campaign.hourly else 0.0)
        for due, those in _by_zone(campaign, rows, zones, now).items():
            yield Batch(due, due + lasts, those)
    elif campaign.hourly and not ranked:
        yield from _by_turn(campaign, rows, turn, now, expire)
    elif campaign.hourly:
        yield Batch(now, now + expire + turn + len(rows) / campaign.hourly * 3600, rows)
    else:
        yield Batch(now, now + expire, rows)


def _by_turn(campaign: Campaign, rows: Sequence[Row], turn: float, now: float, expire: float) -> Iterator[Batch]:
    each = max(1, int(campaign.hourly * SLOT / 3600))
    first = (campaign.started_at or now) + turn
    for start in range(0, len(rows), each):
        due = max(now, first + start / campaign.hourly * 3600)
        yield Batch(due, due + expire, rows[start : start + each])


def _by_zone(campaign: Campaign, rows: Sequence[Row], zones: Mapping[int, Any], now: float) -> dict[float, list[Row]]:
    here = zone_of(campaign.local_zone) or UTC
    planned = campaign.scheduled_at or campaign.started_at or now
    moments: dict[str, float] = {}
    found: dict[float, list[Row]] = {}
    for row in rows:
        name = zones.get(row[0])
        key = name if isinstance(name, str) else ""
        if key not in moments:
            moments[key] = max(now, own_moment(planned, here, zone_of(key) or here))
        found.setdefault(moments[key], []).append(row)
    return found
