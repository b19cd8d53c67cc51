"""The scheduling and shaping that sends, against modelled receivers on a virtual clock."""

import pytest

from lettershop.base.errors import ConfigError, NotFound
from lettershop.egress.shaping import build
from lettershop.egress.shaping_file import shipped as sheets
from lettershop.simulate.backlog import Backlog
from lettershop.simulate.run import Simulation
from lettershop.simulate.scenario import load, shipped, shipped_text

HEAD = 'name = "t"\nspeed = 1000\nworkers = 1\n'
TABLE = build(sheets())


def run(text, **changes):
    return Simulation(load(HEAD + text, **changes), TABLE).run()


def by_name(result):
    return {receiver.name: receiver for receiver in result.receivers}


def settled(result):
    """Nobody is lost and nobody is counted twice."""
    assert result.total("recipients") == result.recipients
    return result.done and all(one.waiting == 0 for one in result.receivers)


def test_a_healthy_receiver_takes_everybody_at_our_speed():
    result = run('recipients = 20_000\n[[receiver]]\nname = "a"\nshare = 1\nlatency = 0.005\nunknown = 0\n')
    (receiver,) = result.receivers
    assert settled(result) and receiver.delivered == 20_000 and receiver.deferred == 0
    assert 20 <= result.seconds <= 40  # a thousand a second is the limit


def test_runs_repeat_exactly():
    text = 'recipients = 3000\n[[receiver]]\nname = "a"\nshare = 1\ndomains = 50\nown_servers = true\ngreylist = 100\n'
    first, second = run(text), run(text)
    assert first.seconds == second.seconds and first.leases == second.leases


def test_shaping_converges_on_the_rate_that_is_allowed():
    """The receiver never says how fast is allowed; only "too fast"."""
    result = run(
        'recipients = 12_000\ndays = 2\n[[receiver]]\nname = "a"\nshare = 1\nunknown = 0\nlatency = 0.05\nper_minute = 600\n'
    )
    (receiver,) = result.receivers
    assert settled(result) and receiver.delivered == 12_000
    assert 20 * 60 * 0.95 <= result.seconds <= 2.5 * 20 * 60
    assert receiver.deferred < 0.25 * receiver.recipients


def test_a_storm_of_421_loses_no_mail_and_is_over_soon_after_it_ends():
    result = run(
        'recipients = 8000\n[[receiver]]\nname = "a"\nshare = 1\nunknown = 0\nlatency = 0.5\n'
        "storms = [{ from = 60, until = 1860, share = 1.0 }]\n"
    )
    (receiver,) = result.receivers
    assert settled(result) and receiver.delivered == 8000 and receiver.given_up == 0
    assert receiver.deferred >= 10
    during = sum(count for minute, count in receiver.minutes.items() if 2 <= minute < 31)
    assert during == 0 and result.seconds < 3 * 3600


def test_dead_slow_and_refusing_sites_hold_nobody():
    alone = run('recipients = 6000\n[[receiver]]\nname = "good"\nshare = 1\ndomains = 20\nown_servers = true\n')
    mixed = run(
        'recipients = 12_000\n'
        '[[receiver]]\nname = "good"\nshare = 0.5\ndomains = 20\nown_servers = true\n'
        '[[receiver]]\nname = "dead"\nshare = 0.2\ndomains = 100\nown_servers = true\ndead = true\n'
        '[[receiver]]\nname = "slow"\nshare = 0.1\nlatency = 10.0\nconnections = 2\n'
        '[[receiver]]\nname = "full"\nshare = 0.2\nconnections = 1\nlatency = 0.5\n'
    )  # fmt: skip
    assert settled(mixed)
    good, dead = by_name(mixed)["good"], by_name(mixed)["dead"]
    assert good.delivered + good.bounced == good.recipients
    soon = sum(count for minute, count in good.minutes.items() if minute * 60 <= 2 * alone.seconds + 30)
    assert soon >= 0.99 * good.delivered and good.last <= 120
    assert dead.delivered == 0 and dead.given_up == dead.recipients
    assert 3 * 86_400 <= dead.last <= 4 * 86_400  # given up when their time is out, not much later


def test_greylisting_costs_one_try_and_a_short_wait():
    result = run('recipients = 500\n[[receiver]]\nname = "a"\nshare = 1\nunknown = 0\ngreylist = 300\n')
    (receiver,) = result.receivers
    assert receiver.delivered == receiver.deferred == 500 and 300 <= result.seconds <= 400


def test_a_bad_list_is_stopped_by_the_breaker():
    text = 'recipients = 50_000\n[[receiver]]\nname = "a"\nshare = 1\nunknown = 0.2\n'
    stopped = run(text)
    assert "bounced for good" in stopped.stopped and not stopped.done
    assert stopped.receivers[0].delivered < 5000
    assert settled(run("breakers = false\n" + text))


def test_a_block_is_told_and_mail_waits_for_its_end():
    result = run('recipients = 400\nbreakers = false\n[[receiver]]\nname = "a"\nshare = 1\nrefuses = true\n')
    (receiver,) = result.receivers
    assert settled(result) and receiver.delivered == 0 and receiver.recipients == 400


def test_warm_up_keeps_to_its_days():
    text = (
        "recipients = 2000\n[warmup]\nsteps = [100, 200, 400, 800]\n"
        '[[receiver]]\nname = "a"\nshare = 1\nlatency = 0.05\nunknown = 0\n'
    )
    result = run(text)
    (receiver,) = result.receivers
    assert settled(result) and receiver.delivered == 2000
    assert [day.sent for day in result.warmup] == [100, 200, 400, 800]
    assert 3.5 * 86_400 < result.seconds < 4 * 86_400
    disliked = run(text + "opens = 0.0\n", days=6)
    assert {day.room for day in disliked.warmup} == {100} and not disliked.done


def test_the_backlog_gives_each_back_once():
    backlog = Backlog(5)
    assert backlog.take(3, 0.0) == [(0, 0), (1, 0), (2, 0)]
    backlog.put(1, 2, 10.0)
    backlog.put(0, 1, 5.0)
    assert backlog.waiting == 4
    assert backlog.take(9, 0.0) == [(3, 0), (4, 0)]
    assert backlog.take(9, 5.0) == [] and backlog.next_due() == 6.0
    assert backlog.take(9, 11.0) == [(0, 1), (1, 2)]
    assert backlog.waiting == 0 and backlog.next_due() is None


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_run(name):
    result = Simulation(load(shipped_text(name), recipients=600), TABLE).run()
    assert result.total("recipients") == 600 and result.total("delivered") > 100


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match=r"receiver\.0\.latenci"):
        load(HEAD + 'recipients = 1\n[[receiver]]\nname = "a"\nshare = 1\nlatenci = 2\n')
    with pytest.raises(NotFound, match="no scenario"):
        shipped_text("nowhere")
