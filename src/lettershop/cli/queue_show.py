"""One message on the terminal: what it is, why it waits, its journey, and the dialogue of an attempt that failed."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from lettershop.cli.context import print_json, print_rows
from lettershop.mail.journey import Journey
from lettershop.store.queue import Waiting


def time(at: float) -> str:
    """For people, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def shown(one: Waiting, why: str) -> dict[str, Any]:
    """As JSON."""
    held = one.held_since
    return {**asdict(one), "due_at": one.due_at if held is None else None, "held_since": held, "why": why}


def print_journey(found: Journey, *, as_json: bool) -> None:
    """The whole of it."""
    if as_json:
        steps = [asdict(step) for step in found.steps]
        print_json({**shown(found.envelope, found.why), "dialogue": found.dialogue, "steps": steps})
        return
    print_rows(f"Envelope {found.envelope.envelope_id}", ["", ""], _details(found), "")
    rows = [(time(step.at), step.words, step.answer) for step in found.steps]
    print_rows("Journey", ["when", "what", "answer"], rows, "")
    if found.dialogue:
        print(f"\nThe last attempt:\n{found.dialogue}")


def _details(found: Journey) -> Sequence[tuple[str, object]]:
    one = found.envelope
    held = one.held_since
    lines: list[tuple[str, object]] = [
        ("to", one.address or f"contact {one.contact_id} of campaign {one.campaign_id}"), ("from", one.mail_from),
        ("site", one.site), ("state", one.state), ("attempts", one.attempts), ("since", time(one.created_at)),
    ]  # fmt: skip
    if one.finished_at is not None:
        lines.append(("finished", time(one.finished_at)))
    else:
        lines += [("next try", "" if held is not None else time(one.due_at)), ("given up", time(one.expires_at))]
        lines.append(("why it waits", found.why))
    if one.pool:
        lines.append(("pool", one.pool))
    return [*lines, ("last answer", one.answer)]
