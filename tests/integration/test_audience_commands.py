"""`lettershop audience` and `lettershop segment`, on a database of their own."""

import json

import pytest
from typer.testing import CliRunner

from lettershop.base.errors import LettershopError
from lettershop.cli.program import program

PEOPLE = "E-Mail;Plan;Orders;Notes\nann@x.example;pro;3;x\nbob@gmaill.com;free;1;y\nbroken;pro;2;z\n"


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lettershop.toml").write_text("")
    (tmp_path / "people.csv").write_text(PEOPLE)

    def run(*arguments):
        done = CliRunner().invoke(program, arguments)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_people_come_in_are_counted_go_out_and_are_taken_back(shell, tmp_path):
    assert "2 of the first 3 rows are good" in shell("audience", "look", "people.csv")
    told = json.loads(
        shell(
            "audience", "import", "people.csv", "--list", "News", "--basis", "opted in", "--column", "Notes=-",
            "--tag", "fair", "--json",
        )
    )  # fmt: skip
    assert (told["created"], told["refused"], told["flagged"]) == (2, 1, {"typo": 1})
    assert told["kinds"] == {"plan": "text", "orders": "number"}
    seen = json.loads(shell("segment", "preview", 'tagged "fair" and orders > 2', "--json"))
    assert (seen["count"], seen["first"][0]["email"]) == (1, "ann@x.example")
    assert json.loads(shell("segment", "preview", json.dumps(seen["tree"]), "--json")) == seen
    shell("segment", "create", "Buyers", "orders > 0")
    assert json.loads(shell("segment", "list", "--json"))[0]["count"] == 2
    assert "orders is a text; 2 values" in shell("audience", "attribute", "orders", "--kind", "text")
    assert ["orders", "text"] in [[a["name"], a["kind"]] for a in json.loads(shell("audience", "attributes", "--json"))]
    assert "2 people" in shell("audience", "export", "out.csv")
    assert "ann@x.example" in (tmp_path / "out.csv").read_text()
    assert len(shell("audience", "export", "--format", "jsonl", "--segment", 'plan = "pro"').splitlines()) == 1
    assert json.loads(shell("audience", "imports", "--json"))[0]["state"] == "done"
    shell("audience", "undo", str(told["import"]))
    assert "0 people" in shell("segment", "preview", "everyone")
    shell("segment", "remove", "Buyers")
    with pytest.raises(LettershopError):
        shell("segment", "remove", "Buyers")
