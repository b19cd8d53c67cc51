"""Double opt-in: nothing before the confirmation, the whole request as proof after it."""

import pytest

from lettershop.marketing.consent import VALID, ListUnknown, OptIns, hashed
from lettershop.store import contacts, opt_ins, subscriptions, suppressions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.opt_ins import Asked
from lettershop.wire.address import InvalidAddress

FORM = Asked("192.0.2.1", "Browser", "footer form", "Yes, send me the news.")
PRESSED = Asked("192.0.2.9", "Phone")


@pytest.fixture
async def place(store):
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    return workspace, await store.main.write(subscriptions.ensure_list, workspace, "News", 1.0, public=True)


async def statuses(store, asked):
    return await store.main.read(subscriptions.statuses, asked.contact_id)


async def test_who_confirms_is_subscribed_with_proof(store, clock, place):
    workspace, news = place
    desk = OptIns(store.main, clock)
    asked = await desk.request(workspace, news, " Ann@X.example", name="Ann", values={"city": "Köln"}, asked=FORM)
    assert (asked.state, asked.email, asked.list_name) == ("waiting", "Ann@x.example", "News") and asked.key
    assert await statuses(store, asked) == {"News": "pending"}
    await desk.sent(asked.id, "<1@brand.example>")
    assert (await desk.view(asked.key)).confirmed_at is None and await desk.view("0" * 48) is None
    assert await statuses(store, asked) == {"News": "pending"}
    clock.advance(60.0)
    done = await desk.confirm(asked.key, PRESSED)
    assert done.confirmed_at == clock.now()
    assert await desk.confirm(asked.key, Asked()) == done  # pressed twice
    assert await statuses(store, asked) == {"News": "subscribed"}
    (proof,) = (await store.main.read(subscriptions.consents_of, [asked.contact_id]))[asked.contact_id]
    assert (proof["kind"], proof["source"], proof["text"], proof["form"]) == (
        "express", "double-opt-in", FORM.text, FORM.form,
    )  # fmt: skip
    assert (proof["proof"]["ip"], proof["proof"]["confirmed_ip"], proof["proof"]["message"]) == (
        "192.0.2.1", "192.0.2.9", "<1@brand.example>",
    )  # fmt: skip
    contact = await store.main.read(contacts.by_id, asked.contact_id)
    assert (contact.consent, contact.attributes) == ("express", {"city": "Köln"})
    again = await desk.request(workspace, news, "ann@x.example", name="Somebody Else", asked=FORM)
    assert (again.state, again.key) == ("subscribed", "")
    assert (await store.main.read(contacts.by_id, asked.contact_id)).name == "Ann"
    assert asked.key not in str(await store.main.read(opt_ins.by_hash, hashed(asked.key)))


async def test_a_link_ends_and_nobody_is_flooded(store, clock, place):
    workspace, news = place
    desk = OptIns(store.main, clock)
    first = await desk.request(workspace, news, "ann@x.example")
    states = [(await desk.request(workspace, news, "ann@x.example")).state for _ in range(4)]
    assert states == ["waiting", "waiting", "held", "held"]
    clock.advance(VALID + 1)
    assert await desk.view(first.key) is None and await desk.confirm(first.key) is None
    assert await statuses(store, first) == {"News": "pending"}
    assert (await desk.request(workspace, news, "ann@x.example")).state == "waiting"


async def test_who_has_left_comes_back_by_confirming_but_complaints_stay(store, clock, place):
    workspace, news = place
    desk = OptIns(store.main, clock)
    ids = [
        await store.main.write(
            contacts.ensure, workspace, NewContact(key, key, "x.example", "", {}), 1.0, source="form"
        )
        for key in ("ann@x.example", "bob@x.example")
    ]
    await store.main.write(subscriptions.unsubscribe, ids[0], news, how="page", at=2.0)
    await store.main.write(suppressions.add, workspace, "ann@x.example", "unsubscribed", at=2.0)
    await store.main.write(suppressions.add, workspace, "bob@x.example", "complaint", at=2.0)
    ann = await desk.request(workspace, news, "ann@x.example")
    assert await statuses(store, ann) == {"News": "unsubscribed"}
    await desk.confirm(ann.key)
    assert await statuses(store, ann) == {"News": "subscribed"}
    assert await store.main.read(suppressions.count, workspace) == {"complaint": 1}
    assert (await desk.request(workspace, news, "bob@x.example")).state == "held"


async def test_a_list_without_double_opt_in_is_joined_at_once(store, clock, place):
    workspace, _ = place
    plain = await store.main.write(subscriptions.ensure_list, workspace, "Plain", 1.0)
    desk = OptIns(store.main, clock)
    asked = await desk.request(workspace, plain, "ann@x.example", asked=FORM)
    assert (asked.state, await statuses(store, asked)) == ("subscribed", {"Plain": "subscribed"})
    with pytest.raises(ListUnknown):
        await desk.request(workspace + 1, plain, "ann@x.example")
    with pytest.raises(InvalidAddress):
        await desk.request(workspace, plain, "nobody")
