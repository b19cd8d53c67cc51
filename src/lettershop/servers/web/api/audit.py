"""Who did what in the workspace, newest first: through the API, on the screens, in the shell."""

from typing import Annotated

from fastapi import APIRouter

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import Cursor, Have, Limit, Output, Page, Search, may, place
from lettershop.servers.web.api.moments import told_always

router = APIRouter(prefix="/audit", tags=["audit"])
Reader = Annotated[Caller, may("audit")]


class Act(Output):
    """An act. `door`: api, screen or shell; `action`: the request by its pattern, or the command."""

    id: int
    at: str
    door: str
    actor: str
    action: str
    target: str
    ip: str


@router.get("")
async def list_(
    caller: Reader, have: Have, cursor: Cursor = None, limit: Limit = 50, actor: Search = "", action: Search = ""
) -> Page[Act]:
    """Newest first. The operator's workspace sees the acts of the shell, too."""
    found = await have.audit.page(
        caller.workspace_id, operator=caller.operator, before=place(cursor) if cursor else None, limit=limit,
        actor=actor, action=action,
    )  # fmt: skip
    items = [
        Act(
            id=one.id, at=told_always(one.act.at), door=one.act.door, actor=one.act.actor, action=one.act.action,
            target=one.act.target, ip=one.act.ip,
        )
        for one in found
    ]  # fmt: skip
    return Page[Act](items=items, next_cursor=f"c{found[-1].id}" if len(found) == limit else None)
