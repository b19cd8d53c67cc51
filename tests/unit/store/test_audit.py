"""The log of who did what: newest first, each workspace its own, the operator's with the shell's, old ones forgotten."""

from lettershop.store import audit, workspaces
from lettershop.store.audit import Act


async def test_acts_are_read_by_workspace_and_by_name(store):
    first = await store.main.write(workspaces.ensure_workspace, "First", 1.0)
    second = await store.main.write(workspaces.ensure_workspace, "Second", 2.0)
    for at, place, actor, action in (
        (1.0, first, "token shop", "POST /lists"), (2.0, second, "bob@b.example", "POST /lists"),
        (3.0, None, "root", "campaign send"), (4.0, first, "ann@a.example", "DELETE /lists/{id}"),
    ):  # fmt: skip
        await store.main.write(audit.note, Act(at, place, "api", actor, action, "/lists/1", "192.0.2.1"))

    async def names(workspace, **more):
        wishes = {"operator": False, "before": None, "limit": 10, **more}
        return [one.act.actor for one in await store.main.read(audit.page, workspace, **wishes)]

    assert await names(first) == ["ann@a.example", "token shop"]
    assert await names(second) == ["bob@b.example"]
    assert await names(first, operator=True) == ["ann@a.example", "root", "token shop"]
    assert await names(first, operator=True, action="LISTS") in ([], ["ann@a.example", "token shop"])
    assert await names(first, operator=True, actor="shop") == ["token shop"]
    assert await names(first, actor="%") == []
    newest = (await store.main.read(audit.page, first, operator=True, before=None, limit=1))[0]
    assert await names(first, operator=True, before=newest.id, limit=1) == ["root"]
    assert await store.main.write(audit.forget_before, 3.0) == 2
    assert await names(first, operator=True) == ["ann@a.example", "root"]
