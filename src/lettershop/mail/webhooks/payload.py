"""How an event is written to a webhook: Standard Webhooks' `type`, `timestamp`, `data`, as JSON. [pure]

`type` is the kind of the fact. `data` has the ids of the fact, its own fields, and beside them whom it is about: `address`
where the fact itself does not say it, `message_id` for a single message.
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from lettershop.store.fact_rows import FactRow, Person


def body(event_id: str, row: FactRow, workspace_id: int, person: Person | None) -> bytes:
    """The body of a request about a fact."""
    data: dict[str, Any] = {
        "workspace_id": workspace_id, "campaign_id": row.campaign_id, "contact_id": row.contact_id,
        "envelope_id": row.envelope_id, **row.data,
    }  # fmt: skip
    if person is not None:
        if person.address and not data.get("address"):
            data["address"] = person.address
        if person.message_id and "message_id" not in data:
            data["message_id"] = person.message_id
    return written(event_id, row.kind, row.at, data)


def test_body(event_id: str, webhook_id: int, name: str, at: float) -> bytes:
    """The body of an event that nothing has caused."""
    return written(event_id, "Test", at, {"webhook_id": webhook_id, "name": name})


def written(event_id: str, kind: str, at: float, data: dict[str, Any]) -> bytes:
    """An event as JSON."""
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({"type": kind, "timestamp": moment, "id": event_id, "data": data})
