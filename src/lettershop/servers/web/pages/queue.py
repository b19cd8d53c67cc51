"""The queue: what waits, why, since and until when; try now, hold, release, take out, move; one message, or all that fit.

/queue?site=…&state=…      the list with its filters
POST /queue/act            all that fit: first a page that says how many, then it is done
/queue/{id}                one message: its journey, and the dialogue of the last attempt
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from lettershop.servers.web.frame import Screen, Ui, Visit, positive
from lettershop.servers.web.ports import Services
from lettershop.store.queue import Filter

if TYPE_CHECKING:
    from lettershop.mail.queue import Act

PAGE = 50
DONE = {
    "retry": "It is tried as soon as a connection is free.",
    "remove": "Taken out of the queue.",
    "hold": "It is held: it is not sent until you release it.",
    "release": "It is released.",
    "busy": "It is being tried at this moment, or is so already; look again in a few seconds.",
}
STATES = {"": "Everything", "queued": "Not tried yet", "waiting": "Put off", "held": "Held", "leased": "Being tried"}
AGES = {"": "Any age", "900": "15 minutes", "3600": "1 hour", "14400": "4 hours", "86400": "1 day"}
ACTS = {
    "retry": "Try now", "hold": "Hold", "release": "Release", "remove": "Take out", "move": "Move to a pool",
}  # fmt: skip
NAMES = ("site", "campaign", "state", "sender", "recipient", "older")


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/queue` and its commands. Operators see the whole queue, others their workspace's."""
    queue, journeys = services.queue, services.journeys
    if queue is None:
        return None

    async def index(visit: Visit) -> Response:
        after = visit.query_id("after") or 0
        asked = _asked(visit.query)
        lines = await queue.waiting(_filter(visit, asked), after=after, limit=PAGE + 1)
        whole = visit.who.may("queue.all")
        more = f"/queue?{urlencode({**asked, 'after': lines[PAGE - 1].envelope_id})}" if len(lines) > PAGE else ""
        reasons = await queue.whys(lines[:PAGE])
        return visit.show(
            "queue.html", screen="queue", lines=list(zip(lines[:PAGE], reasons, strict=True)), asked=asked, more=more,
            done=_done(visit.query), first=f"/queue?{urlencode(asked)}" if after else "", states=STATES, ages=AGES,
            acts=_acts(visit), pools=queue.pools if whole else (), sites=await queue.sites() if whole else [],
            held=await queue.held_back() if whole else [], totals=await queue.totals() if whole else None,
        )  # fmt: skip

    async def show(visit: Visit) -> Response:
        envelope_id = visit.path_id()
        assert journeys is not None
        found = await journeys.of_envelope(envelope_id, workspace_id=scope(visit))
        done = DONE.get(visit.query.get("done", ""), "")
        return visit.show("message.html", screen="queue", journey=found, line=found.envelope, done=done)

    async def many(visit: Visit) -> Response:
        """How many it will be; and, when the person has seen that, doing it."""
        asked = _asked({name: visit.field(name) for name in NAMES})
        act, pool = visit.field("act"), visit.field("pool")
        which, acts = _filter(visit, asked), _acts(visit)
        if act not in acts or (act == "move" and pool not in queue.pools):
            return visit.back_to(f"/queue?{urlencode(asked)}")
        if visit.field("sure") != "yes":
            return visit.show(
                "queue_sure.html", screen="queue", fitting=await queue.count(which), act=act, words=acts[act], pool=pool,
                asked=asked, states=STATES, ages=AGES,
            )  # fmt: skip
        changed = await queue.move(which, pool=pool) if act == "move" else await queue.act(cast("Act", act), which)
        return visit.back_to(f"/queue?{urlencode({**asked, 'changed': changed})}")

    def one(act: Literal["retry", "remove", "hold", "release"]) -> "Route":
        async def handler(visit: Visit) -> Response:
            envelope_id = visit.path_id()
            changed = await queue.act_on(act, envelope_id, workspace_id=scope(visit))
            back = f"/queue/{envelope_id}" if visit.field("from") == "message" and act != "remove" else "/queue"
            return visit.back_to(f"{back}?done={act if changed else 'busy'}")

        return Route(f"/queue/{{id:int}}/{act}", ui.page("queue.act", handler), methods=["POST"])

    routes = [
        Route("/queue", ui.page("queue.read", index), name="queue"),
        Route("/queue/act", ui.page("queue.act", many), methods=["POST"]),
        one("retry"), one("remove"), one("hold"), one("release"),
    ]  # fmt: skip
    if journeys is not None:
        routes.append(Route("/queue/{id:int}", ui.page("queue.read", show), name="queued message"))
    return Screen("queue", routes, "Queue", "/queue", "queue", "Delivery", "queue.read")


def scope(visit: Visit) -> int | None:
    """The workspace whose queue this person sees; None for an operator, who sees all."""
    return None if visit.who.may("queue.all") else visit.workspace_id


def _asked(given: Mapping[str, str]) -> dict[str, str]:
    """The filters that are set, as text."""
    return {name: value for name in NAMES if (value := given.get(name, "").strip()[:253])}


def _filter(visit: Visit, asked: Mapping[str, str]) -> Filter:
    seconds = positive(asked.get("older", ""))
    return Filter(
        workspace_id=scope(visit), site=asked.get("site"), campaign_id=positive(asked.get("campaign", "")),
        state=asked.get("state", ""), sender=asked.get("sender", ""), recipient=asked.get("recipient", ""),
        older_than=None if seconds is None else float(seconds),
    )  # fmt: skip


def _acts(visit: Visit) -> dict[str, str]:
    """What this person may do to many."""
    if not visit.who.may("queue.act"):
        return {}
    return ACTS if visit.who.may("queue.all") else {act: words for act, words in ACTS.items() if act != "move"}


def _done(query: Mapping[str, str]) -> str:
    changed = query.get("changed", "")
    if changed.isascii() and changed.isdecimal() and len(changed) < 12:
        return f"{int(changed):,} messages changed."
    return DONE.get(query.get("done", ""), "")
