"""How much is recorded of what readers do, decided when a pixel or link is asked for. [pure but for `admit`'s reads]

    individual   who opened and clicked what, unless the person refused
    consented    that only of those who said yes; of the others only how many opens and clicks there were
    aggregate    of nobody more than how many
    none         nothing; new messages carry neither pixel nor tracked links

Deliveries, bounces, replies, unsubscriptions and complaints are reported in every mode. A refusal and a change of the
mode hold at once, in mail already sent too: the link still leads where it led. Anonymous events carry no id of a person,
no address, no signals, and the hour instead of the moment (ePrivacy 5(3); CNIL 2026-042: aggregated opens need no consent).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, get_args

from sqlalchemy import Connection

from lettershop.base.facts import Clicked, Opened
from lettershop.marketing.verdict import PIXEL, Hit, Receiver, judge
from lettershop.store import analytics, tracking
from lettershop.store.analytics import EnvelopeNote

Mode = Literal["individual", "consented", "aggregate", "none"]
MODES: tuple[str, ...] = get_args(Mode)
USUAL = "individual"
HOUR = 3600

Event = Opened | Clicked


def admit(conn: Connection, events: Sequence[Event]) -> list[Event]:
    """What of these may be recorded, and how."""
    modes = tracking.modes(conn, {event.campaign_id for event in events if event.campaign_id is not None})
    words = tracking.words_of(conn, {event.contact_id for event in events if event.contact_id is not None})
    treatments = [treatment(modes.get(event.campaign_id or 0, ""), event.contact_id, words) for event in events]
    nameless = {
        event.envelope_id
        for event, how in zip(events, treatments, strict=True)
        if how == "aggregate" and event.envelope_id is not None
    }
    notes = analytics.notes_of(conn, nameless) if nameless else {}
    admitted = []
    for event, how in zip(events, treatments, strict=True):
        if how == "individual":
            admitted.append(event)
        elif how == "aggregate":
            admitted.append(anonymous(event, notes))
    return admitted


def treatment(mode: str, contact_id: int | None, words: Mapping[int, bool | None]) -> str:
    """individual, aggregate or none, for one event."""
    mode = mode or USUAL
    if mode == "none" or contact_id is None or contact_id not in words:  # also: an erased person
        return "none"
    word = words[contact_id]
    if word is False:
        return "none"
    if mode == "consented":
        return "individual" if word else "aggregate"
    return mode


def anonymous(event: Event, notes: Mapping[int, EnvelopeNote]) -> Event:
    """The event with its verdict and nothing that leads to a person."""
    note = notes.get(event.envelope_id or 0)
    link, method = (event.link, event.method) if isinstance(event, Clicked) else (PIXEL, "GET")
    receiver = Receiver(note.delivered_at, note.gateway) if note is not None else Receiver()
    (verdict,) = judge([Hit(event.at, link, event.user_agent, event.headers, method)], receiver)
    return replace(
        event, at=float(event.at // HOUR * HOUR), contact_id=None, envelope_id=None,
        user_agent="", ip="", headers="", machine=verdict.machine,
    )  # fmt: skip
