"""Segments mean the same in words, in JSON, in Python and in the SQL of both engines."""

import asyncio
from datetime import UTC, datetime

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from sqlalchemy import insert, select

from lettershop.marketing.segment_match import Subject, matches
from lettershop.marketing.segment_text import parse, print_tree
from lettershop.marketing.segments import (
    CONSENTS,
    ENGAGEMENT,
    STATUSES,
    WISHES,
    All,
    AnyOf,
    Compare,
    Created,
    Engaged,
    Has,
    HasConsent,
    InList,
    InSegment,
    IsSet,
    Not,
    OneOf,
    SegmentInvalid,
    Tagged,
    Text,
    TrackingIs,
    Within,
    from_json,
    to_json,
)  # fmt: skip
from lettershop.store import columnar
from lettershop.store import people as people_found
from lettershop.store.predicates import where
from lettershop.store.schema_delivery import DELIVERED, envelopes
from lettershop.store.schema_main import (
    brands,
    campaign_links,
    campaigns,
    contact_changes,
    contact_copies,
    contact_pieces,
    contacts,
    engagements,
    link_engagements,
    lists,
    subscriptions,
    workspaces,
)

NOW = 1_700_000_000.25
LISTS, TAGS, LINKS = ["News", 'Odd "list"'], ["vip", "größe 4"], ["https://a.example/", 'https://b.example/?x="y"']
DAYS = st.one_of(st.none(), st.integers(1, 60))
AGES = st.integers(0, 60).flatmap(
    lambda days: st.sampled_from([-0.5, 0, 0.25, 0.5]).map(lambda off: NOW - days * 86400 + off)
)
DATES = st.integers(-60, 60).map(lambda days: datetime.fromtimestamp(NOW + days * 86400, UTC).date().isoformat())
FIELDS = ["plan", "city", "orders", "vip", "opened", "name", "email", "größe"]
SEGMENTS = ["Best", 'Odd "one"']
WORDS = st.text(alphabet="abzAZ ßé0'\"\\%_.", max_size=4)
NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, -1.25, 1e9]))
VALUES = st.one_of(WORDS, NUMBERS, st.booleans())
FIELD = st.sampled_from(FIELDS)
LEAVES = st.one_of(
    st.builds(Compare, FIELD, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), VALUES),
    st.builds(OneOf, FIELD, st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
    st.builds(Text, FIELD, st.sampled_from(["contains", "starts"]), WORDS),
    st.builds(IsSet, FIELD),
    st.builds(InList, st.sampled_from(LISTS), st.sampled_from(STATUSES)),
    st.builds(Engaged, st.sampled_from(ENGAGEMENT), DAYS),
    st.builds(
        Engaged, st.sampled_from(["delivered", "opened", "clicked", "replied"]), DAYS, st.sampled_from([1, "Spring"])
    ),
    st.builds(Engaged, st.just("clicked"), DAYS, st.sampled_from([None, "Spring"]), st.sampled_from(LINKS)),
    st.builds(Has, st.sampled_from(["plan", "größe"]), WORDS),
    st.builds(Within, st.sampled_from(["plan", "day"]), st.integers(1, 60), st.sampled_from(["last", "next"])),
    st.builds(Tagged, st.sampled_from(TAGS)),
    st.builds(HasConsent, st.sampled_from(CONSENTS)),
    st.builds(TrackingIs, st.sampled_from(WISHES)),
    st.builds(Created, st.integers(1, 60)),
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
                st.sampled_from([*FIELDS[:5], *FIELDS[7:], "day"]),
                st.one_of(VALUES, DATES, st.none(), st.lists(VALUES, max_size=2), st.just({"a": 1})), max_size=4,
            ),
            "lists": st.dictionaries(st.sampled_from(LISTS), st.sampled_from(STATUSES)),
            "last": st.dictionaries(st.sampled_from(ENGAGEMENT), AGES),
            "tags": st.sets(st.sampled_from(TAGS)),
            "consent": st.tuples(st.sampled_from(CONSENTS), st.one_of(st.none(), AGES)),
            "tracking": st.sampled_from([None, True, False]),
            "created_at": AGES,
            "deeds": st.dictionaries(st.sampled_from(["delivered", "opened", "clicked", "replied"]), AGES),
            "links": st.dictionaries(st.sampled_from(LINKS), AGES),
        }
    ),
    min_size=1, max_size=6,
)  # fmt: skip


WRITTEN = st.recursive(
    st.one_of(LEAVES, st.builds(InSegment, st.sampled_from(SEGMENTS))),
    lambda inner: st.one_of(st.builds(All, PARTS(inner)), st.builds(AnyOf, PARTS(inner)), st.builds(Not, inner)),
    max_leaves=8,
)


@given(WRITTEN)
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
    for table in (
        subscriptions, lists, envelopes, engagements, link_engagements, campaign_links, campaigns, brands, contacts,
        contact_pieces, contact_copies, contact_changes, workspaces,
    ):  # fmt: skip
        tx.conn.execute(table.delete())
    tx.conn.execute(insert(workspaces), {"id": 1, "name": "w", "created_at": 0.0})
    tx.conn.execute(
        insert(lists),
        [{"id": n + 1, "workspace_id": 1, "name": name, "created_at": 0.0} for n, name in enumerate(LISTS)],
    )
    tx.conn.execute(
        insert(brands),
        {"id": 1, "workspace_id": 1, "name": "b", "from_name": "b", "from_address": "b@b.example", "created_at": 0.0},
    )
    campaign = {
        "brand_id": 1,
        "workspace_id": 1,
        "state": "done",
        "subject": "",
        "html": "",
        "tree": {},
        "created_at": 0.0,
    }
    tx.conn.execute(insert(campaigns), {"id": 1, "name": "Spring", **campaign})
    tx.conn.execute(
        insert(campaign_links), [{"campaign_id": 1, "number": n, "url": url} for n, url in enumerate(LINKS)]
    )
    for number, person in enumerate(people, 1):
        put(tx, number, person)


def values(number, person):
    kind, until = person["consent"]
    return {
        "workspace_id": 1, "email": f"p{number}@A.example", "email_key": f"p{number}@a.example",
        "domain": "a.example", "name": person["name"], "attributes": person["attributes"], "tags": sorted(person["tags"]),
        "consent": kind, "consent_until": until, "tracking_consent": person["tracking"],
        "created_at": person["created_at"], "updated_at": 0.0,
        **{f"last_{what}_at": person["last"].get(what) for what in ENGAGEMENT},
    }  # fmt: skip


def put(tx, number, person):
    tx.conn.execute(insert(contacts).values(id=number, **values(number, person)))
    put_lists(tx, number, person)
    deeds = person["deeds"]
    tx.conn.execute(
        insert(envelopes).values(
            id=number, lane_id=1, workspace_id=1, campaign_id=1, contact_id=number, site="a", due_at=0.0, created_at=0.0,
            expires_at=0.0, state=DELIVERED if "delivered" in deeds else 0, finished_at=deeds.get("delivered"),
        )
    )  # fmt: skip
    moments = {f"{what}_at": at for what, at in deeds.items() if what != "delivered"}
    tx.conn.execute(insert(engagements).values(envelope_id=number, campaign_id=1, contact_id=number, **moments))
    for link, at in person["links"].items():
        tx.conn.execute(insert(link_engagements).values(envelope_id=number, number=LINKS.index(link), clicked_at=at))


def put_lists(tx, number, person):
    tx.conn.execute(subscriptions.delete().where(subscriptions.c.contact_id == number))
    for name, status in person["lists"].items():
        on = {"list_id": LISTS.index(name) + 1, "contact_id": number, "status": status, "changed_at": 0.0}
        tx.conn.execute(insert(subscriptions).values(**on))


def change(tx, number, person):
    """Everything that a row says; what was done with a campaign stays."""
    tx.conn.execute(contacts.update().where(contacts.c.id == number).values(**values(number, person)))
    put_lists(tx, number, person)
    columnar.mark(tx, [number])


def remove(tx, number):
    tx.conn.execute(contacts.delete().where(contacts.c.id == number))
    columnar.mark_deleted(tx, 1, [number])


def fold(tx):
    while columnar.fold(tx, 1, all_of_it=True):
        pass


def ids(conn, tree, dialect):
    return list(conn.scalars(select(contacts.c.id).where(where(to_json(tree), dialect, NOW)).order_by(contacts.c.id)))


def subject(number, person):
    columns = {"email": f"p{number}@A.example", "name": person["name"], "domain": "a.example"}
    deeds = {(what, "Spring", None, at) for what, at in person["deeds"].items()}
    deeds |= {("clicked", "Spring", link, at) for link, at in person["links"].items()}
    return Subject(
        columns, person["attributes"], person["lists"], person["last"], frozenset(person["tags"]), person["consent"],
        person["tracking"], person["created_at"], frozenset(deeds),
    )  # fmt: skip


def by_python(tree, people):
    """Campaign 1 is named Spring; in memory a deed knows only the name."""
    plain = parse(print_tree(tree).replace("campaign 1", 'campaign "Spring"'))
    return [number for number, person in sorted(people.items()) if matches(plain, subject(number, person), NOW)]


def on_both(store, prove):
    """Run a property that needs the loop: the database's functions are awaited from the thread that hypothesis runs in."""
    loop = asyncio.get_running_loop()
    return asyncio.to_thread(prove, lambda work: asyncio.run_coroutine_threadsafe(work, loop).result())


async def test_sql_finds_exactly_those_whom_python_finds(store):
    async def check(people, trees):
        await store.main.write(fill, people)
        for tree in trees:
            found = await store.main.read(ids, tree, store.main.dialect)
            assert found == by_python(tree, dict(enumerate(people, 1))), print_tree(tree)

    def prove(run):
        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(PEOPLE, st.lists(TREES, min_size=1, max_size=8))
        def proven(people, trees):
            run(check(people, trees))

        proven()

    await on_both(store, prove)


async def test_columns_find_exactly_those_whom_python_finds_whatever_has_changed_since(store, monkeypatch):
    """The copy is folded at any moment, in pieces of two contacts; in between people come, change and go."""
    monkeypatch.setattr(columnar, "SPAN", 2)
    monkeypatch.setattr(people_found, "SPAN", 2)

    async def check(people, deeds, trees):
        await store.main.write(fill, people)
        here = dict(enumerate(people, 1))
        for what, number, person in deeds:
            if what == "fold":
                await store.main.write(fold)
            elif what == "go" and number in here:
                await store.main.write(remove, number)
                del here[number]
            elif number in here:
                kept = {**person, "deeds": here[number]["deeds"], "links": here[number]["links"]}
                await store.main.write(change, number, kept)
                here[number] = kept
        for tree in trees:
            wanted = by_python(tree, here)
            asked = (1, to_json(tree), NOW)
            assert await store.main.read(people_found.page, *asked) == wanted, print_tree(tree)
            assert (
                await store.main.read(people_found.page, *asked, after=2, limit=2) == [n for n in wanted if n > 2][:2]
            )
            assert await store.main.read(people_found.count, *asked) == len(wanted)
            assert (await store.main.read(people_found.ids, *asked)).tolist() == wanted

    what = st.sampled_from(["fold", "change", "go"])

    def prove(run):
        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            PEOPLE,
            st.lists(st.tuples(what, st.integers(1, 6), PEOPLE.map(lambda people: people[0])), max_size=6),
            st.lists(TREES, min_size=1, max_size=8),
        )
        def proven(people, deeds, trees):
            run(check(people, [("fold", 0, None), *deeds], trees))

        proven()

    await on_both(store, prove)
