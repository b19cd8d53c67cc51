"""Saved segments: both forms, circles refused, names kept whole; counts that follow every change."""

import pytest

from lettershop.marketing.audience import resolve
from lettershop.marketing.segment_desk import SegmentInUse, Segments, SegmentUnknown, tree_from, words_from
from lettershop.marketing.segments import SegmentInvalid
from lettershop.store import contacts, subscriptions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.subscriptions import Consent

OPT_IN = Consent("express", "ticked the box", "form")


def person(number, **attributes):
    return NewContact(f"p{number}@a.example", f"p{number}@a.example", "a.example", f"P {number}", attributes)


@pytest.fixture
async def place(store):
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    news = await store.main.write(subscriptions.ensure_list, workspace, "News", 1.0)
    people = [person(n, orders=n, plan="pro" if n % 2 else "free") for n in range(6)]
    await store.main.write(contacts.take, workspace, news, people, OPT_IN, 2.0)
    return workspace


async def test_both_forms_are_kept_and_counted(store, clock, place):
    desk = Segments(store.main, clock)
    words = await desk.create(place, "Buyers", 'orders > 2 and in list "News"')
    tree = await desk.create(place, "Pros", {"op": "=", "field": "plan", "value": "pro"})
    assert (words.tree, tree.words) == (tree_from(words.words), 'plan = "pro"')
    assert [await desk.count(place, s.tree) for s in await desk.page(place)] == [3, 3]
    both = 'in segment "Buyers" and not in segment "Pros"'
    seen = await desk.preview(place, both)
    assert (seen.count, [c.email for c in seen.first]) == (1, ["p4@a.example"])
    assert [c.email for c in await desk.members(place, words.id, search="P 5")] == ["p5@a.example"]
    await desk.change(place, words.id, expression="orders > 3")
    assert await desk.count(place, both) == 1
    assert words_from(tree_from(both)) == both


async def test_circles_unknown_names_and_names_in_use_are_refused(store, clock, place):
    desk = Segments(store.main, clock)
    one = await desk.create(place, "One", "orders > 1")
    two = await desk.create(place, "Two", 'in segment "One" and orders < 5')
    with pytest.raises(SegmentInvalid, match=r"Two > One > Two|One > Two > One"):
        await desk.change(place, one.id, expression='not in segment "Two"')
    assert (await desk.get(place, one.id)).words == "orders > 1"
    for words in ('in segment "None"', 'in list "None"', "orders >", 'in segment "Self"'):
        with pytest.raises(SegmentInvalid):
            await desk.create(place, "Self", words)
    with pytest.raises(SegmentInUse):
        await desk.create(place, "One", "everyone")
    with pytest.raises(SegmentInUse):
        await desk.remove(place, one.id)
    await desk.change(place, one.id, name="First")
    assert (await desk.get(place, two.id)).words == 'in segment "First" and orders < 5'
    await desk.remove(place, two.id)
    await desk.remove(place, one.id)
    with pytest.raises(SegmentUnknown):
        await desk.get(place, one.id)


async def test_a_segment_of_another_workspace_is_not_there(store, clock, place):
    other = await store.main.write(workspaces.ensure_workspace, "Other", 1.0)
    desk = Segments(store.main, clock)
    mine = await desk.create(place, "Mine", "everyone")
    with pytest.raises(SegmentUnknown):
        await desk.get(other, mine.id)
    with pytest.raises(SegmentInvalid):
        await store.main.read(resolve, other, {"op": "segment", "name": "Mine"})
    assert await desk.count(other, "") == 0
