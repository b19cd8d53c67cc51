"""Those who guess wait; those who mistype do not."""

from lettershop.base.clock import ManualClock
from lettershop.mail.throttle import REMEMBERED, Limit, Throttle

KEYS = [("ann", Limit(free=3, longest=60.0))]


def test_some_tries_are_free_then_the_wait_doubles_up_to_the_longest():
    clock = ManualClock()
    throttle = Throttle(clock)
    waits = []
    for _ in range(12):
        throttle.failed(KEYS)
        waits.append(throttle.wait(KEYS))
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_waiting_helps():
    clock = ManualClock()
    throttle = Throttle(clock)
    for _ in range(5):
        throttle.failed(KEYS)
    assert throttle.wait(KEYS) == 2
    clock.advance(2)
    assert throttle.wait(KEYS) == 0


def test_a_success_and_an_hour_both_forget():
    clock = ManualClock()
    throttle = Throttle(clock)
    for _ in range(5):
        throttle.failed(KEYS)
    throttle.succeeded("ann")
    throttle.failed(KEYS)
    assert throttle.wait(KEYS) == 0
    for _ in range(9):
        throttle.failed(KEYS)
    clock.advance(3601)
    throttle.failed(KEYS)
    assert throttle.wait(KEYS) == 0


def test_the_longest_wait_of_several_keys_counts():
    throttle = Throttle(ManualClock())
    for _ in range(6):
        throttle.failed([("here", Limit(free=0))])
    assert throttle.wait([("nobody", Limit(free=0)), ("here", Limit(free=0))]) == 32


def test_memory_is_bounded():
    throttle = Throttle(ManualClock())
    for number in range(REMEMBERED + 10):
        throttle.failed([(str(number), Limit(free=0))])
    assert throttle.wait([("0", Limit(free=0))]) == 0
    assert throttle.wait([(str(REMEMBERED), Limit(free=0))]) == 1
