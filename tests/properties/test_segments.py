"""Segments mean the same in words, in JSON, in Python and in the SQL of both engines."""

import asyncio

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from sqlalchemy import insert, select

from lettershop.marketing.segment_text import parse, print_tree
from lettershop.marketing.segments import (
    ENGAGEMENT,
    All,
    AnyOf,
    Compare,
    Engaged,
    InList,
    IsSet,
    Not,
    OneOf,
    SegmentInvalid,
    Subject,
    Text,
    from_json,
    matches,
    to_json,
)  # fmt: skip
from lettershop.store.predicates import where
from lettershop.store.schema_main import contacts, lists, subscriptions, workspaces

NOW = 1_700_000_000.0
FIELDS = ["plan", "city", "orders", "vip", "opened", "name", "email", "größe"]
WORDS = st.text(alphabet="abzAZ ßé0'\"\\%_.", max_size=4)
NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, -1.25, 1e9]))
VALUES = st.one_of(WORDS, NUMBERS, st.booleans())
FIELD = st.sampled_from(FIELDS)
LEAVES = st.one_of(
    st.builds(Compare, FIELD, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), VALUES),
    st.builds(OneOf, FIELD, st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
    st.builds(Text, FIELD, st.sampled_from(["contains", "starts"]), WORDS),
    st.builds(IsSet, FIELD),
    st.builds(InList, st.sampled_from(["News", 'Odd "list"'])),
    st.builds(Engaged, st.sampled_from(ENGAGEMENT), st.one_of(st.none(), st.integers(1, 60))),
    st.just(All(())),
)
PARTS = lambda inner: st.lists(inner, min_size=2, max_size=3).map(tuple)  # noqa: E731
TREES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.builds(All, PARTS(inner)), st.builds(AnyOf, PARTS(inner)), st.builds(Not, inner)),
    max_leaves=8,
)  # fmt: skip
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "name": WORDS,
            "attributes": st.dictionaries(
                st.sampled_from(FIELDS[:5] + FIELDS[7:]), st.one_of(VALUES, st.none(), st.lists(VALUES, max_size=2)), max_size=4
            ),
            "lists": st.sets(st.sampled_from(["News", 'Odd "list"'])),
            "last": st.dictionaries(st.sampled_from(ENGAGEMENT), st.integers(0, 60).map(lambda days: NOW - days * 86400)),
        }
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(TREES)
def test_words_and_json_come_back_as_the_same_tree(tree):
    assert parse(print_tree(tree)) == tree
    assert from_json(to_json(tree)) == tree


@given(st.text(max_size=60))
def test_any_text_is_a_segment_or_refused(text):
    try:
        parse(text)
    except SegmentInvalid as error:
        assert error.public


def fill(tx, people):
    for table in (subscriptions, lists, contacts, workspaces):
        tx.conn.execute(table.delete())
    tx.conn.execute(insert(workspaces), {"id": 1, "name": "w", "created_at": 0.0})
    names = ["News", 'Odd "list"']
    tx.conn.execute(
        insert(lists),
        [{"id": n + 1, "workspace_id": 1, "name": name, "created_at": 0.0} for n, name in enumerate(names)],
    )
    for number, person in enumerate(people, 1):
        row = {
            "id": number, "workspace_id": 1, "email": f"p{number}@A.example", "email_key": f"p{number}@a.example",
            "domain": "a.example", "name": person["name"], "attributes": person["attributes"],
            "created_at": 0.0, "updated_at": 0.0, **{f"last_{what}_at": at for what, at in person["last"].items()},
        }  # fmt: skip
        tx.conn.execute(insert(contacts).values(**row))
        for name in person["lists"]:
            on = {"list_id": names.index(name) + 1, "contact_id": number, "status": "subscribed", "changed_at": 0.0}
            tx.conn.execute(insert(subscriptions).values(**on))


def ids(conn, tree, dialect):
    return list(conn.scalars(select(contacts.c.id).where(where(to_json(tree), dialect, NOW)).order_by(contacts.c.id)))


def subject(number, person):
    columns = {"email": f"p{number}@A.example", "name": person["name"], "domain": "a.example"}
    return Subject(columns, person["attributes"], frozenset(person["lists"]), person["last"])


async def test_sql_finds_exactly_those_whom_python_finds(store):
    loop = asyncio.get_running_loop()

    def check(people, trees):
        async def run():
            await store.main.write(fill, people)
            for tree in trees:
                found = await store.main.read(ids, tree, store.main.dialect)
                wanted = [n for n, person in enumerate(people, 1) if matches(tree, subject(n, person), NOW)]
                assert found == wanted, print_tree(tree)

        asyncio.run_coroutine_threadsafe(run(), loop).result()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(PEOPLE, st.lists(TREES, min_size=1, max_size=8))
    def prove(people, trees):
        check(people, trees)

    await asyncio.to_thread(prove)
