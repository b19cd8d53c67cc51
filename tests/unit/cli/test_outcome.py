"""When the demo may judge: not before every click that was answered is counted, also somebody's second one."""

from collections import Counter
from types import SimpleNamespace

import pytest

from lettershop.cli.demo.outcome import ACTS, settled


def case(**changed):
    links = [SimpleNamespace(number=1, people=2), SimpleNamespace(number=2, people=1)]
    report = SimpleNamespace(
        **{**dict.fromkeys(ACTS, 2), "state": "done", "waiting": 0, "queued": 0, "links": links, **changed}
    )
    seen = SimpleNamespace(did={act: {"a", "b"} for act in ACTS}, link_people=Counter({1: 2, 2: 1}))
    return report, seen


def test_all_is_counted():
    assert settled(*case())


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "sending"}, {"waiting": 1}, {"queued": 1}, {"opened": 1}, {"clicked": 1},
        {"links": [SimpleNamespace(number=1, people=2)]},
        {"links": [SimpleNamespace(number=1, people=2), SimpleNamespace(number=2, people=0)]},
    ],
)  # fmt: skip
def test_something_is_still_on_its_way(changed):
    assert not settled(*case(**changed))
