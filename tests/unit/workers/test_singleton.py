"""A step that one process at a time runs: the lease, its end, and errors that stop nothing."""

import asyncio

from lettershop.base.errors import Temporary
from lettershop.workers.singleton import LEASE_SECONDS, Singleton


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0.005)


async def happens(condition, clock) -> None:
    """Until it is so; time goes on meanwhile, a little at every look."""
    async with asyncio.timeout(30):
        while not condition():
            clock.advance(0.1)
            await asyncio.sleep(0.005)


async def test_one_works_until_it_is_gone_and_then_the_other(store, clock):
    worked: list[str] = []

    def by(name):
        async def step() -> bool:
            worked.append(name)
            return False

        return step

    stop = asyncio.Event()
    first = asyncio.create_task(Singleton(store.main, clock, by("a"), name="work", owner="a").run(stop))
    await happens(lambda: worked, clock)
    second_stop = asyncio.Event()
    second = asyncio.create_task(Singleton(store.main, clock, by("b"), name="work", owner="b").run(second_stop))
    clock.advance(0.2)
    await settle()
    assert set(worked) == {"a"}
    first.cancel()  # as if the process were gone: nobody gives the lease back
    clock.advance(LEASE_SECONDS / 2)
    await settle()
    assert "b" not in worked
    clock.advance(LEASE_SECONDS)
    await happens(lambda: "b" in worked, clock)
    second_stop.set()
    clock.advance(1)
    await second


async def test_errors_stop_nothing(store, clock):
    outcomes = [Temporary("busy"), RuntimeError("a bug"), None]

    async def step() -> bool:
        outcome = outcomes.pop(0) if outcomes else None
        if outcome is not None:
            raise outcome
        return False

    stop = asyncio.Event()
    task = asyncio.create_task(Singleton(store.main, clock, step, name="work", owner="a").run(stop))
    await happens(lambda: not outcomes, clock)
    assert not task.done()
    stop.set()
    clock.advance(1)
    await task
