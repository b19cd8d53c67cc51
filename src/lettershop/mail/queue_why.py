"""Why a message waits, in a sentence. [pure]"""

from collections.abc import Sequence
from datetime import UTC, datetime

from lettershop.store.queue import Waiting
from lettershop.store.schema_delivery import LANE_CANCELLED, LANE_HELD
from lettershop.store.sites import SiteRow


def why(one: Waiting, sources: Sequence[SiteRow], now: float) -> str:
    """The first reason that holds; empty for what is finished. `sources`: how they stand at the site that takes its mail."""
    if one.finished_at is not None:
        return ""
    if one.held_since is not None:
        return f"An operator holds it since {moment(one.held_since)}."
    if one.lane_state in (LANE_HELD, LANE_CANCELLED):
        return "Its campaign is paused." if one.lane_state == LANE_HELD else "Its campaign is cancelled."
    if one.state == "leased":
        return "It is being tried, or will be in a moment."
    if one.expires_at <= now:
        return "Its time ran out; it is given up as soon as it is looked at."
    return _closed(sources, now) or _not_due(one, now) or _slow(sources)


def _closed(sources: Sequence[SiteRow], now: float) -> str:
    """The receiver takes nothing from any address of ours for now."""
    untils = [max(row.suspended_until, row.rests_until) for row in sources]
    if not untils or min(untils) <= now:
        return ""
    first = min(sources, key=lambda row: max(row.suspended_until, row.rests_until))
    return f"Its receiver {first.site} is closed to us until {moment(min(untils))}. {first.why}".strip()


def _not_due(one: Waiting, now: float) -> str:
    if one.due_at <= now:
        return ""
    if one.attempts:
        return (
            f"Put off until {moment(one.due_at)}: {one.answer}"
            if one.answer
            else f"Put off until {moment(one.due_at)}."
        )
    return f"Not before {moment(one.due_at)}" + (f": {one.answer}" if one.answer else ".")


def _slow(sources: Sequence[SiteRow]) -> str:
    limited = [row for row in sources if row.per_minute]
    if limited:
        rate = sum(row.per_minute for row in limited)
        return f"It is due and waits for its turn: {limited[0].site} takes {rate:,.0f} a minute."
    return "It is due and waits for its turn."


def moment(at: float) -> str:
    """For people, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
