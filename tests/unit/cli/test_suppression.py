"""`lettershop suppression`: by hand and from files, as scripts use it."""

import json

import pytest
from typer.testing import CliRunner

from lettershop.cli.program import program


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LETTERSHOP_DATABASE__URL", f"sqlite:///{tmp_path}/data/l.db")
    monkeypatch.setenv("LETTERSHOP_SERVER__DATA_DIR", str(tmp_path / "data"))

    def invoke(*arguments):
        result = CliRunner().invoke(program, ["suppression", *map(str, arguments)])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return invoke


def test_add_list_export_remove_import(run, tmp_path):
    assert json.loads(run("add", "Ann@b.example", "joe@b.example", "--reason", "complaint", "--json")) == {
        "added": 2,
        "known": 0,
    }
    assert "already" in run("add", "ann@b.example")
    [ann] = json.loads(run("list", "--contains", "ANN", "--json"))
    assert (ann["address"], ann["reason"]) == ("ann@b.example", "complaint")
    assert "2 complaint" in run("list")
    assert "2 rows" in run("export", tmp_path / "out.csv")
    assert run("export").splitlines()[0] == "email,reason,detail,since,campaign"
    assert json.loads(run("remove", "ann@b.example", "joe@b.example", "--json")) == {"removed": 2}
    assert "Nobody" in run("list")
    assert json.loads(run("import", tmp_path / "out.csv", "--json"))["by_reason"] == {"complaint": 2}
