"""When circuit breakers act, and what they let through."""

import pytest

from lettershop.base.config import load
from lettershop.egress.breakers import GO, SLOW, STOP, Counts, Rules, judge, rulebook, slowed, words
from lettershop.egress.gate import LOOK_AGAIN, Gate
from lettershop.store.breakers import Closed
from lettershop.store.envelopes import Lane, Leased


@pytest.mark.parametrize(
    ("counts", "level", "cause"),
    [
        (Counts(3, 0, 0, 3), GO, None),  # three messages decide nothing
        (Counts(0, 3), GO, None),
        (Counts(951, 49), GO, None),
        (Counts(950, 50), SLOW, "bounces"),
        (Counts(901, 99), SLOW, "bounces"),
        (Counts(900, 100), STOP, "bounces"),
        (Counts(60, 40), STOP, "bounces"),
        (Counts(91, 9), GO, None),  # too few bounces to tell
        (Counts(3001, 0, 0, 3), GO, None),
        (Counts(3000, 0, 0, 3), SLOW, "complaints"),
        (Counts(1000, 0, 0, 3), STOP, "complaints"),
        (Counts(1000, 0, 0, 2), GO, None),
        (Counts(900, 60, 40, 3), STOP, "complaints"),  # the worse of the two
        (Counts(0, 0, 5000, 0), GO, None),  # soft bounces are no sign of a bad list
    ],
)
def test_shares_and_samples(counts, level, cause):
    verdict = judge(counts, Rules())
    assert verdict.level == level and (cause is None or verdict.cause == cause)


def test_what_a_person_has_seen_counts_no_more():
    seen = Counts(900, 100)
    assert judge(Counts(1895, 105).since(seen), Rules()).level == GO
    assert judge(Counts(1790, 210).since(seen), Rules()).level == STOP
    assert Counts(10, 2).since(Counts(20, 1)) == Counts(0, 1)


def test_they_can_be_turned_off():
    assert judge(Counts(0, 1000), Rules(enabled=False)).level == GO


def test_words_name_the_figures():
    verdict = judge(Counts(900, 100), Rules())
    assert words("provider", "a.example", verdict) == (
        "10.00 % of the messages at a.example bounced for good (100 of 1,000). "
        "The others at a.example are held back, as from 10 % on."
    )
    verdict = judge(Counts(3000, 0, 0, 3), Rules())
    assert words("campaign", "News", verdict) == (
        "0.10 % of the messages were complained about (3 of 3,000). The others go out slowly, as from 0.10 % on."
    )


def test_slow_is_a_share_of_the_pace_so_far():
    assert slowed(10_000, 100.0, Rules()) == pytest.approx(10.0)
    assert slowed(0, 0.0, Rules()) == 0.1


def test_workspaces_and_campaigns_have_rules_of_their_own():
    config = load(
        """
        [delivery.breakers]
        bounces = [0.04, 0.08]
        sample = 50
        [delivery.breakers.workspaces.Shop]
        complaints = [0.002, 0.01]
        [delivery.breakers.campaigns.Rescue]
        enabled = false
        """,
        {},
    )
    rules = rulebook(config.delivery.breakers)
    assert rules.of("Other", "News").bounces == (0.04, 0.08)
    assert rules.of("Shop", "News") == Rules(bounces=(0.04, 0.08), complaints=(0.002, 0.01), sample=50)
    assert not rules.of("Shop", "Rescue").enabled


# -- the gate ------------------------------------------------------------------------------------------------------------

LANE = Lane(1, 1, 7, 5)


def leased(key, site):
    return Leased(key, 1, 7, key, None, None, site, 0, 0.0, 0.0, 1e9, lane_id=1)


def test_an_open_gate_is_seen_as_such():
    gate = Gate()
    assert gate.open
    assert gate.learn([Closed(7, "a.example", STOP, "why", None)]) and not gate.open
    assert gate.learn([Closed(7, "a.example", STOP, "why", None)]) == []  # nothing new
    gate.learn([])
    assert gate.open


def test_a_closed_provider_waits_and_others_go():
    gate = Gate()
    gate.learn([Closed(7, "a.example", STOP, "12 % bounced", None)])
    go, parked = gate.sift(LANE, [leased(1, "a.example"), leased(2, "b.example")], 100.0)
    assert [one.envelope_id for one in go] == [2]
    assert [(one.leased.envelope_id, one.due, one.why) for one in parked] == [(1, 100.0 + LOOK_AGAIN, "12 % bounced")]
    go, parked = gate.sift(Lane(2, 1, 8, 5), [leased(1, "a.example")], 100.0)  # another campaign
    assert len(go) == 1 and not parked


def test_a_slow_provider_keeps_its_pace_over_an_hour():
    """What is parked comes back in time; all workers together send as much as is allowed, no more."""
    gate = Gate(workers=2)
    gate.learn([Closed(7, "a.example", SLOW, "slow", 1.0)])
    queue = [(0.0, key) for key in range(5000)]
    sent = 0
    for second in range(600):
        due = sorted(entry for entry in queue if entry[0] <= second)[:500]
        keys = {key for _, key in due}
        queue = [entry for entry in queue if entry[1] not in keys]
        go, parked = gate.sift(LANE, [leased(key, "a.example") for _, key in due], float(second))
        sent += len(go)
        queue += [(one.due, one.leased.envelope_id) for one in parked]
    assert sent + len(queue) == 5000
    assert 295 <= sent <= 306  # half of one a second for ten minutes, and the first burst
