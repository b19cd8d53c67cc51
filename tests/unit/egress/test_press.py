"""The press makes for many at once, in short turns, and a message that cannot be made holds up no other."""

import asyncio

from lettershop.base.clock import ManualClock
from lettershop.base.errors import Invalid
from lettershop.egress.message import Recipe
from lettershop.egress.press import LEAST, TURN, Press


class Log:
    """What happened, in order."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def recipe(self, name: str) -> Recipe:
        def draft():
            self.said.append(f"draft {name}")
            return lambda: self.made(name)

        return Recipe(1, "", "a@b.example", lambda: self.made(name), draft)

    def made(self, name: str) -> bytes:
        self.said.append(f"finish {name}")
        return name.encode()


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_all_are_drafted_before_the_first_is_finished():
    log, got = Log(), []
    press = Press(ManualClock())
    for name in "abc":
        press.want(log.recipe(name), got.append)
    assert log.said == []  # never at once: the sockets come first
    await settle()
    assert got == [b"a", b"b", b"c"]
    assert log.said == ["draft a", "draft b", "draft c", "finish a", "finish b", "finish c"]


async def test_slow_messages_make_short_turns():
    clock, got, turns = ManualClock(), [], []

    def slow() -> bytes:
        clock.advance(TURN)
        turns.append(len(got))
        return b"x"

    press = Press(clock)
    for _ in range(20):
        press.want(Recipe(1, "", "a@b.example", slow), got.append)
    between = []
    while len(got) < 20:
        await asyncio.sleep(0)
        between.append(len(got))
    assert all(after - before <= LEAST for before, after in zip([0, *between], between, strict=False))


async def test_what_cannot_be_made_is_told_and_the_others_are():
    def fails() -> bytes:
        raise Invalid("no")

    log, got = Log(), []
    press = Press(ManualClock())
    press.want(Recipe(1, "", "a@b.example", fails), got.append)
    press.want(Recipe(1, "", "a@b.example", fails, fails), got.append)
    press.want(log.recipe("good"), got.append)
    await settle()
    assert [type(one) for one in got] == [Invalid, Invalid, bytes]


async def test_who_is_told_may_want_more():
    log, got = Log(), []
    press = Press(ManualClock())

    def again(data: bytes | Exception) -> None:
        got.append(data)
        if len(got) < 5:
            press.want(log.recipe(str(len(got))), again)

    press.want(log.recipe("0"), again)
    await settle()
    assert got == [b"0", b"1", b"2", b"3", b"4"]
