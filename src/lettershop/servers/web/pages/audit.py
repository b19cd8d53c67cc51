"""Who did what: the log of acts, newest first, searched by name or act."""

from starlette.responses import Response
from starlette.routing import Route

from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.ports import Services

HERE = "/settings/audit"
PAGE = 50
DOORS = {"api": "API", "screen": "Screen", "shell": "Shell"}


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/settings/audit`."""
    log = services.audit
    if log is None:
        return None

    async def index(visit: Visit) -> Response:
        query, before = visit.query.get("q", "")[:200].strip().replace("\0", ""), visit.query_id("before")
        by_name = "@" in query or query.startswith("token ")
        found = await log.page(
            visit.workspace_id, operator=visit.workspace_id == visit.who.operators, before=before, limit=PAGE,
            actor=query if by_name else "", action="" if by_name else query,
        )  # fmt: skip
        return visit.show(
            "audit.html", screen="audit", acts=found, search=query, first=before is not None, doors=DOORS,
            last=found[-1].id if len(found) == PAGE else None,
        )  # fmt: skip

    return Screen("audit", [Route(HERE, ui.page("settings", index))], "Log", HERE, "lists", "Settings", "settings")
