"""The inbox: people's answers to campaigns, one conversation beside its campaign and contact, answering, open and done.

The rules are in `marketing.inbox`.
"""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError
from lettershop.servers.web.frame import Screen, Ui, Visit, status_of
from lettershop.servers.web.ports import Services
from lettershop.servers.web.ports_inbox import Conversations

HERE = "/inbox"
RIGHT = "inbox"
PAGE = 50
STATES = {"open": "Open", "done": "Done", "all": "All"}
DONE = {
    "answered": "The answer is on its way.",
    "closed": "Done.",
    "opened": "It is open again.",
}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/inbox`, `/inbox/{id}` and their commands."""
    if services.inbox is None:
        return None
    pages = InboxPages(services.inbox)
    routes = [
        Route(HERE, ui.page(RIGHT, pages.index)),
        Route(f"{HERE}/{{id:int}}", ui.page(RIGHT, pages.show)),
        Route(f"{HERE}/{{id:int}}/answer", ui.page(RIGHT, pages.answer), methods=["POST"]),
        Route(f"{HERE}/{{id:int}}/state", ui.page(RIGHT, pages.state), methods=["POST"]),
    ]
    return Screen("inbox", routes, "Replies", HERE, "inbox", "Inbox", RIGHT)


class InboxPages:
    """The list, and one conversation."""

    def __init__(self, inbox: Conversations) -> None:
        self._inbox = inbox

    async def index(self, visit: Visit) -> Response:
        """Conversations, the newest first."""
        state = visit.query.get("state", "open")
        state, words = state if state in STATES else "open", visit.query.get("q", "")[:200].strip()
        campaign, before = visit.query_id("campaign"), visit.query_id("before")
        found = await self._inbox.page(
            visit.workspace_id, state="" if state == "all" else state, campaign_id=campaign, query=words, before=before,
            limit=PAGE + 1,
        )  # fmt: skip
        kept = {"state": state, "q": words, **({"campaign": campaign} if campaign else {})}
        return visit.show(
            "inbox.html", screen="inbox", conversations=found[:PAGE], state_now=state, states=STATES, search=words,
            campaign=campaign, open=await self._inbox.count_open(visit.workspace_id),
            first=f"{HERE}?{urlencode(kept)}" if before else "",
            more=f"{HERE}?{urlencode({**kept, 'before': found[PAGE - 1].id})}" if len(found) > PAGE else "",
        )  # fmt: skip

    async def show(self, visit: Visit) -> Response:
        """One conversation."""
        return await self._talk(visit)

    async def answer(self, visit: Visit) -> Response:
        """Write back."""
        conversation_id, text = visit.path_id(), visit.field("text", strip=False)
        try:
            await self._inbox.answer(
                visit.workspace_id, conversation_id, text, by=visit.who.email, once=visit.field("once")[:100],
                done=bool(visit.field("done")),
            )  # fmt: skip
        except LettershopError as error:
            return await self._talk(visit, error=error, text=text)
        return visit.back_to(f"{HERE}/{conversation_id}?done=answered")

    async def state(self, visit: Visit) -> Response:
        """Close it, or open it again."""
        conversation_id, done = visit.path_id(), visit.field("to") == "done"
        await self._inbox.talk(visit.workspace_id, conversation_id)  # not of another workspace
        await self._inbox.set_done(visit.workspace_id, [conversation_id], done=done)
        return visit.back_to(f"{HERE}/{conversation_id}?done={'closed' if done else 'opened'}")

    async def _talk(self, visit: Visit, *, error: LettershopError | None = None, text: str = "") -> Response:
        talk = await self._inbox.talk(visit.workspace_id, visit.path_id())
        return visit.show(
            "inbox_talk.html", screen="inbox", talk=talk, about=talk.conversation, text=text, error=error,
            once=talk.once, done=DONE.get(visit.query.get("done", ""), ""),
            status=status_of(error) if error else 200,
        )  # fmt: skip
