"""The people of the workspace, and everything that happened to one of them."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.ports import Services

if TYPE_CHECKING:
    from lettershop.store.views import TimelineRow

PAGE = 50
TIMELINE = 40

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
        )  # fmt: skip

    async def show(visit: Visit) -> Response:
        contact_id, before = visit.path_id(), visit.query_id("before")
        card = await contacts.card(visit.workspace_id, contact_id)
        entries = await contacts.timeline(visit.workspace_id, contact_id, before=before, limit=TIMELINE + 1)
        here, rows = f"/contacts/{contact_id}", [entry for entry in entries if entry.id]
        last = rows[TIMELINE - 1] if len(rows) > TIMELINE else None  # the entries of the mail log are beside the page's
        return visit.show(
            "contact.html", screen="contacts", card=card, first=here if before else "",
            entries=[(entry, *look(entry)) for entry in entries[: entries.index(last) + 1 if last else None]],
            more=f"{here}?before={last.id}" if last else "",
        )  # fmt: skip

    routes = [
        Route("/contacts", ui.page("contacts.read", index), name="contacts"),
        Route("/contacts/{id:int}", ui.page("contacts.read", show), name="contact"),
    ]
    return Screen("contacts", routes, "Contacts", "/contacts", "contacts", "Marketing", "contacts.read")


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
