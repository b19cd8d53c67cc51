"""`lettershop queue`: what waits and why, one message with its journey, many by filter after a count and a yes."""

import asyncio
import json
import os

import pytest
from typer.testing import CliRunner

from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.base.errors import LettershopError
from lettershop.base.facts import Deferred
from lettershop.cli.program import program
from lettershop.store import envelopes, stored
from lettershop.store.envelopes import Outcome
from lettershop.store.schema_delivery import QUEUED


async def _fill(config):
    async with open_house(config) as house:
        now = house.clock.now()

        def write(tx):
            for sender in ("ann@a.example", "bob@b.example"):
                stored.enqueue_stored(
                    tx, workspace_id=None, mail_from=sender, blob="b", size=1, now=now - 7200, expires_at=now + 9999,
                    recipients=[("x@one.example", "one.example"), ("y@two.example", "two.example")],
                )  # fmt: skip
            late = Deferred(at=now - 60, envelope_id=1, site="one.example", mx="mx.one", code=451, text="Later", reason="busy",
                            retry_at=now + 900)  # fmt: skip
            envelopes.finish(
                tx,
                [Outcome(1, QUEUED, now - 60, answer="mx.one, rcpt: 451 Later", due_at=now + 900, fact=late,
                         dialogue="S: 220 mx.one\nC: RCPT TO:<x@one.example>\nS: 451 Later")],
            )  # fmt: skip

        await house.main_db.write(write)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LETTERSHOP_DATABASE__URL", f"sqlite:///{tmp_path}/data/l.db")
    monkeypatch.setenv("LETTERSHOP_SERVER__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LETTERSHOP_DELIVERY__POOLS", '{ warm = ["192.0.2.1"] }')
    asyncio.run(_fill(load("", os.environ)))

    def invoke(*arguments, fails=False, says=None):
        result = CliRunner().invoke(program, ["queue", *map(str, arguments)], input=says)
        if fails:
            assert isinstance(result.exception, LettershopError), result.output
            return result.exception.for_people()
        assert result.exit_code == (0 if says != "n\n" else 1), (result.output, result.exception)
        return result.stdout

    return invoke


def numbers(run, *options):
    return [line["envelope_id"] for line in json.loads(run("list", *options, "--json"))]


def test_what_waits_and_why(run):
    assert numbers(run) == [1, 2, 3, 4]
    assert numbers(run, "--site", "one.example") == [1, 3]
    assert numbers(run, "--from", "b.example", "--to", "y@") == [4]
    assert numbers(run, "--state", "waiting") == [1]
    assert numbers(run, "--older-than", "1h") == [1, 2, 3, 4]
    assert numbers(run, "--older-than", "1d") == []
    assert "no time" in run("list", "--older-than", "yesterday", fails=True)
    whys = {line["envelope_id"]: line["why"] for line in json.loads(run("list", "--json"))}
    assert whys[1].startswith("Put off until ")
    assert whys[2] == "It is due and waits for its turn."
    assert json.loads(run("count", "--state", "queued", "--json"))["queued"] == 3


def test_one_message_with_its_journey_and_the_last_dialogue(run):
    text = run("show", 1)
    for words in ("Handed over for delivery", "put off by mx.one", "C: RCPT TO:<x@one.example>"):
        assert words in " ".join(text.split())
    found = json.loads(run("show", 1, "--json"))
    assert [step["kind"] for step in found["steps"]] == ["HandedOver", "Deferred"]
    assert found["dialogue"].endswith("S: 451 Later")
    assert "not in the queue" in run("show", 99, fails=True)


def test_many_after_a_count_and_a_yes(run):
    assert "4 wait" in run("hold", "--all", says="n\n")
    assert numbers(run, "--state", "held") == []
    assert "2 of 2 changed" in run("hold", "--site", "one.example", says="y\n")
    assert numbers(run, "--state", "held") == [1, 3]
    assert json.loads(run("release", 1, "--json"))["changed"] == 1
    assert "Which messages?" in run("remove", fails=True)
    assert json.loads(run("remove", "--state", "held", "--yes", "--json"))["changed"] == 1
    assert json.loads(run("retry", 1, 2, "--json"))["changed"] == 0  # due already
    assert json.loads(run("move", "--all", "--to-pool", "warm", "--yes", "--json"))["changed"] == 3
    assert "no pool" in run("move", 1, "--to-pool", "cold", fails=True)
    assert json.loads(run("move", 1, "--to-route", "two.example", "--json"))["changed"] == 1
    assert numbers(run, "--site", "two.example") == [1, 2, 4]
