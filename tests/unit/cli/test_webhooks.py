"""`lettershop webhook`: made, listed, switched, told again; and the words for what is wrong."""

import json

import pytest
from typer.testing import CliRunner

from lettershop.base.errors import LettershopError
from lettershop.cli.program import program
from lettershop.wire.webhook import key_of

URL = "https://shop.example/in"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LETTERSHOP_DATABASE__URL", f"sqlite:///{tmp_path}/data/l.db")
    monkeypatch.setenv("LETTERSHOP_SERVER__DATA_DIR", str(tmp_path / "data"))

    def invoke(*arguments, fails=False):
        result = CliRunner().invoke(program, ["webhook", *map(str, arguments)])
        if fails:
            assert isinstance(result.exception, LettershopError), result.output
            return result.exception.for_people()
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return invoke


def test_the_life_of_a_webhook(run):
    assert "No webhook yet" in run("list")
    made = json.loads(run("add", "shop", URL, "--event", "Bounced,Complained", "--event", "Replied", "--json"))
    assert made["events"] == ["Bounced", "Complained", "Replied"]
    assert len(key_of(made["secret"])) == 32
    assert len(key_of(run("secret", made["id"]).strip())) == 32
    assert "on its way" in run("test", made["id"])
    [waits] = json.loads(run("deliveries", made["id"], "--json"))
    assert (waits["kind"], waits["state"]) == ("Test", "waiting")
    assert "again" in run("replay", made["id"], "--delivery", waits["id"])
    assert "again" in run("replay", made["id"], "--since", "2026-01-01")
    assert "off" in run("off", made["id"])
    assert "Turn it on" in run("test", made["id"], fails=True)
    assert "on" in run("on", made["id"])
    [listed] = json.loads(run("list", "--json"))
    assert (listed["active"], listed["waiting"], "secret" in listed) == (True, 1, False)
    run("remove", made["id"])
    assert json.loads(run("list", "--json")) == []


def test_what_is_wrong_is_said(run):
    assert "no event 'Exploded'" in run("add", "shop", URL, "--event", "Exploded", fails=True)
    assert "no public address" in run("add", "shop", "https://10.0.0.1/", fails=True)
    assert "no such webhook" in run("test", 7, fails=True)
    made = json.loads(run("add", "shop", URL, "--json"))
    assert "--since" in run("replay", made["id"], fails=True)
    assert "no moment" in run("replay", made["id"], "--since", "yesterday", fails=True)
