"""The ledger: one line an address, workspace or everybody."""

from lettershop.store import suppressions
from lettershop.store.suppressions import EVERYBODY, Suppression


def entry(key, workspace=1, reason="manual"):
    return Suppression(workspace, key, reason, "", None, 5.0)


async def test_the_first_reason_stays(store):
    add = suppressions.add
    assert await store.main.write(add, 1, "a@b.example", "complaint", at=1.0, campaign_id=3)
    assert not await store.main.write(add, 1, "a@b.example", "manual", at=2.0)
    found = await store.main.read(suppressions.suppressed, 1, ["a@b.example", "c@d.example"])
    assert found == {"a@b.example": Suppression(1, "a@b.example", "complaint", "", 3, 1.0)}


async def test_workspaces_do_not_see_each_other_but_everybody_counts(store):
    await store.main.write(suppressions.add, 1, "a@x.example", "manual", at=1.0)
    await store.main.write(suppressions.add, EVERYBODY, "b@x.example", "complaint", at=1.0)
    await store.main.write(suppressions.add, 2, "b@x.example", "manual", at=1.0)
    found = await store.main.read(suppressions.suppressed, 2, ["a@x.example", "b@x.example"])
    assert [(one.email_key, one.workspace_id) for one in found.values()] == [("b@x.example", 0)]
    assert await store.main.read(suppressions.suppressed, None, ["a@x.example"]) == {}


async def test_many_at_once_and_twice(store):
    many = [entry(f"{index:04}@x.example") for index in range(1200)]
    assert await store.main.write(suppressions.add_many, many[:700]) == 700
    assert await store.main.write(suppressions.add_many, many) == 500
    found = await store.main.read(suppressions.suppressed, 1, (one.email_key for one in many))
    assert len(found) == 1200
    assert await store.main.read(suppressions.count, 1) == {"manual": 1200}
    assert await store.main.write(suppressions.remove, 1, [one.email_key for one in many[:600]]) == 600
    page = await store.main.read(suppressions.page, 1, after="0600@x.example", limit=2)
    assert [one.email_key for one in page] == ["0601@x.example", "0602@x.example"]


async def test_the_ledger_is_searched(store):
    await store.main.write(suppressions.add_many, [entry("ann@x.example"), entry("b_b@x.example", reason="complaint")])
    assert [one.email_key for one in await store.main.read(suppressions.page, 1, contains="_b@")] == ["b_b@x.example"]
    assert [one.email_key for one in await store.main.read(suppressions.page, 1, reason="manual")] == ["ann@x.example"]
