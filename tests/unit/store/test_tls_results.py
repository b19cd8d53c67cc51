"""Counted results of TLS, on both engines."""

from lettershop.store.tls_results import Counted, Result, add, forget, of_day, reported, results, unreported

WELL = Result(100, "b.example", "sts", "version: STSv1\nmode: enforce")
ILL = Result(
    100, "b.example", "sts", "version: STSv1\nmode: enforce", "certificate-expired", "mx.b.example", "192.0.2.1"
)
OTHER = Result(101, "c.example", "no-policy-found")


async def test_counts_add_up(store):
    await store.main.write(add, [Counted(WELL, 2), Counted(OTHER, 1)])
    await store.main.write(add, [Counted(ILL, 3), Counted(WELL, 5)])
    assert await store.main.read(of_day, 100, "b.example") == [Counted(WELL, 7), Counted(ILL, 3)]

    def found(conn, **which):
        return results(conn, **which)

    assert await store.main.read(lambda conn: found(conn, since=100)) == [
        Counted(OTHER, 1),
        Counted(WELL, 7),
        Counted(ILL, 3),
    ]
    assert await store.main.read(lambda conn: found(conn, since=101)) == [Counted(OTHER, 1)]
    assert await store.main.read(lambda conn: found(conn, since=0, domain="c.example")) == [Counted(OTHER, 1)]


async def test_a_day_of_a_domain_is_done_with_once_it_is_told(store):
    await store.main.write(add, [Counted(WELL, 2), Counted(ILL, 2), Counted(OTHER, 1)])
    assert await store.main.read(unreported, 101) == [(100, "b.example")]
    assert await store.main.read(unreported, 102) == [(100, "b.example"), (101, "c.example")]
    await store.main.write(reported, 100, "b.example", "tls@b.example", 1.0)
    await store.main.write(reported, 100, "b.example", "", 2.0)
    assert await store.main.read(unreported, 102) == [(101, "c.example")]
    assert await store.main.write(forget, 101) == 2
    assert await store.main.read(unreported, 102) == [(101, "c.example")]
