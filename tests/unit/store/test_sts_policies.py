"""Kept policies, on both engines."""

from dataclasses import replace

from lettershop.store.sts_policies import KeptPolicy, fetched_since, forget_expired, keep

ONE = KeptPolicy("b.example", "1", "enforce", ("mx.b.example", "*.b.example"), 86_400, 100.0, 86_500.0)
NONE = KeptPolicy("c.example", "x", "none", (), 50, 200.0, 250.0)


async def test_the_newest_of_a_domain_is_kept_until_it_expires(store):
    await store.main.write(keep, [replace(ONE, policy_id="0", mode="testing"), NONE])
    await store.main.write(keep, [ONE])
    assert await store.main.read(fetched_since, 0.0, 210.0) == [ONE, NONE]
    assert await store.main.read(fetched_since, 150.0, 210.0) == [NONE]
    assert await store.main.read(fetched_since, 0.0, 250.0) == [ONE]
    assert await store.main.write(forget_expired, 250.0) == 1
    assert await store.main.read(fetched_since, 0.0, 0.0) == [ONE]
