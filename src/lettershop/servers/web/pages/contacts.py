"""The people of the workspace, and everything that happened to one of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Services
from lettershop.servers.web.ports_people import Contacts, Persons

if TYPE_CHECKING:
    from lettershop.store.views import TimelineRow

PAGE = 50
TIMELINE = 40
MOST_LISTS = 200

DONE = {
    "made": "The contact is made.",
    "changed": "The changes are saved.",
    "joined": "The person is on the list.",
    "left": "The person is off the list.",
    "silenced": "Nothing more is sent to this person.",
    "erased": "The person is erased.",
}

ICONS = {
    "Delivered": ("sent", "good"), "Deferred": ("retry", "watch"), "Bounced": ("bounced", "bad"),
    "Withheld": ("stop", "calm"), "BounceReported": ("bounced", "bad"), "Complained": ("warning", "bad"),
    "Replied": ("replied", "replied"), "AutoReplied": ("replied", "calm"), "Opened": ("opened", "opened"),
    "Clicked": ("clicked", "clicked"), "Unsubscribed": ("leave", "watch"), "ContactChanged": ("person", "calm"),
    "DelayTold": ("warning", "watch"),
}  # fmt: skip
WORDS = {
    "Delivered": "Delivered", "Deferred": "Put off by the receiver", "Bounced": "Bounced", "Withheld": "Withheld",
    "BounceReported": "Bounce reported later", "Complained": "Pressed “spam”", "Replied": "Replied",
    "AutoReplied": "Automatic reply", "Opened": "Opened", "Clicked": "Clicked", "Unsubscribed": "Unsubscribed",
    "ContactChanged": "Contact changed",
}  # fmt: skip


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/contacts` and `/contacts/{id}`."""
    contacts = services.contacts
    if contacts is None:
        return None

    async def index(visit: Visit) -> Response:
        query, after = visit.query.get("q", "")[:200], visit.query_id("after") or 0
        lines = await contacts.page(visit.workspace_id, query=query, after=after, limit=PAGE + 1)
        more = f"/contacts?{urlencode({'q': query, 'after': lines[PAGE - 1].id})}" if len(lines) > PAGE else ""
        return visit.show(
            "contacts.html", screen="contacts", lines=lines[:PAGE], search=query, more=more,
            first=f"/contacts?{urlencode({'q': query})}" if after else "", total=await contacts.count(visit.workspace_id),
            acts=services.persons is not None and visit.who.may("contacts.write"),
            done=DONE.get(visit.query.get("done", ""), ""),
        )  # fmt: skip

    async def show(visit: Visit) -> Response:
        return await person(visit, contacts, services.persons)

    routes = [
        Route("/contacts", ui.page("contacts.read", index), name="contacts"),
        Route("/contacts/{id:int}", ui.page("contacts.read", show), name="contact"),
    ]
    return Screen("contacts", routes, "Contacts", "/contacts", "contacts", "Marketing", "contacts.read")


async def person(
    visit: Visit, contacts: Contacts, persons: Persons | None, *, error: LettershopError | None = None
) -> Response:
    """The page of a person; with what went wrong at a form on it."""
    contact_id, before = visit.path_id(), visit.query_id("before")
    card = await contacts.card(visit.workspace_id, contact_id)
    entries = await contacts.timeline(visit.workspace_id, contact_id, before=before, limit=TIMELINE + 1)
    here = f"/contacts/{contact_id}"
    lists = await persons.lists(visit.workspace_id, limit=MOST_LISTS) if persons else []
    on = {name for name, status, _ in card.subscriptions if status == "subscribed"}
    return visit.show(
        "contact.html", screen="contacts", card=card, first=here if before else "", error=error,
        entries=[(entry, *look(entry)) for entry in entries[:TIMELINE]],
        more=f"{here}?before={entries[TIMELINE - 1].place}" if len(entries) > TIMELINE else "", status=status_of(error) if error else 200,
        others=[one.name for one in lists if one.name not in on], on=on, fields=shown(card.attributes),
        acts=persons is not None and visit.who.may("contacts.write"), done=DONE.get(visit.query.get("done", ""), ""),
    )  # fmt: skip


def shown(attributes: Mapping[str, object]) -> list[tuple[str, str]]:
    """Attributes as a form shows them; lists are left to the API."""
    return [(name, _text(value)) for name, value in attributes.items() if not isinstance(value, list)]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def look(entry: "TimelineRow") -> tuple[str, str, str, str, bool]:
    """Icon, tone, words and detail of an entry; and whether the detail is what a server said."""
    icon, tone = ICONS.get(entry.kind, ("person", "calm"))
    spoken = any(entry.data.get(key) for key in ("text", "diagnostic"))
    return icon, tone, WORDS.get(entry.kind, entry.kind), detail(entry), spoken


def detail(entry: "TimelineRow") -> str:
    """What the fact says beyond its kind."""
    data = entry.data
    if "text" in data:
        return " ".join(str(data[key]) for key in ("code", "text") if data.get(key))
    if entry.kind == "Clicked":
        return f"Link {data.get('link', '')}"
    for key in ("diagnostic", "subject", "reason", "how", "what"):
        if data.get(key):
            return str(data[key])
    return ""
