"""`lettershop inspect`: the form that CONTRACT.md promises, and what people read."""

import json

import pytest
from typer.testing import CliRunner

from lettershop.cli.program import program

BOUNCE = b"""From: MAILER-DAEMON@mx.c.example\r
Subject: failure notice\r
\r
<x@c.example>:\r
550 5.1.1 User unknown\r
\r
--- Below this line is a copy of the message.\r
\r
Return-Path: <a@b.example>\r
Message-ID: <1@b.example>\r
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "bounce.eml").write_bytes(BOUNCE)
    (tmp_path / "plain.eml").write_bytes(b"From: jane@c.example\r\nSubject: Lunch\r\n\r\nAt noon?\r\n")
    return tmp_path


def run(*arguments, **more):
    return CliRunner().invoke(program, ["inspect", *map(str, arguments)], **more)


def test_json_is_an_object_a_line_with_the_names_of_the_contract(files):
    result = run(files / "bounce.eml", files / "plain.eml", "--json")
    bounce, plain = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 0
    assert (bounce["file"], bounce["kind"], bounce["message_id"]) == (
        str(files / "bounce.eml"),
        "bounce",
        "1@b.example",
    )
    [person] = bounce["recipients"]
    assert {name: person[name] for name in ("address", "status", "hard", "class", "diagnostic")} == {
        "address": "x@c.example", "status": "5.1.1", "hard": True, "class": "unknown-user",
        "diagnostic": "<x@c.example>: 550 5.1.1 User unknown",
    }  # fmt: skip
    assert bounce["advice"].startswith("This address does not exist.")
    assert (plain["kind"], plain["recipients"]) == ("ordinary", [])


def test_people_read_sentences(files):
    lines = run(files / "bounce.eml").stdout.splitlines()
    assert lines[0].endswith("bounce.eml: bounce")
    assert "x@c.example  550 5.1.1  unknown-user, hard" in lines[1]


def test_standard_input_is_a_file_too():
    assert json.loads(run("-", "--json", input=BOUNCE).stdout)["kind"] == "bounce"


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(files):
    result = run(files / "none.eml", files / "plain.eml", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["kind"] == "ordinary"
    assert "none.eml: No such file" in result.stderr


ZONE = """
c.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.c.example. 300 IN TXT "v=DMARC1; p=reject"
"""


@pytest.mark.parametrize(("ip", "spf", "dmarc", "findings"), [
    ("192.0.2.1", "pass", "pass", []),
    ("192.0.2.9", "fail", "fail", ["dmarc-reject"]),
])  # fmt: skip
def test_with_the_client_known_it_says_who_a_message_is_from(files, ip, spf, dmarc, findings):
    (files / "zone").write_text(ZONE)
    (files / "l.toml").write_text(f'[dns]\nzone_files = ["{files}/zone"]\n[server]\nhostname = "mx.b.example"\n')
    result = run(
        files / "plain.eml", "--json", "--config", files / "l.toml",
        "--client-ip", ip, "--helo", "mx.c.example", "--mail-from", "jane@c.example",
    )  # fmt: skip
    value = json.loads(result.stdout)
    assert (value["kind"], value["spf"]["result"], value["dkim"]) == ("ordinary", spf, [])
    assert (value["dmarc"]["result"], value["dmarc"]["policy"]) == (dmarc, "reject" if findings else "none")
    assert [finding["reason"] for finding in value["findings"]] == findings


def test_a_mailbox_holds_many_messages_and_odd_files_are_read(tmp_path):
    plain = b"From: jane@c.example\nSubject: Lunch\n\nAt noon?\n\n>From here.\n"
    stamp = b"From x@c.example Thu Nov 19 10:00:00 2026\n"
    (tmp_path / "all.mbox").write_bytes(stamp + BOUNCE.replace(b"\r\n", b"\n") + b"\n" + stamp + plain)
    (tmp_path / "mac.eml").write_bytes(stamp.replace(b"\n", b"\r") + BOUNCE.replace(b"\r\n", b"\r"))
    (tmp_path / "dos.eml").write_bytes(b"\xef\xbb\xbf\r\n" + BOUNCE.replace(b"\r\n", b"\r\r\n"))
    (tmp_path / "wide.eml").write_bytes(BOUNCE.decode().encode("utf-16"))
    (tmp_path / "one.eml").write_bytes(stamp + BOUNCE + b"\r\n" + stamp + b"Subject: as it was sent\r\n\r\n")
    names = ["all.mbox", "mac.eml", "dos.eml", "wide.eml", "one.eml"]
    found = [json.loads(line) for line in run(*(tmp_path / name for name in names), "--json").stdout.splitlines()]
    assert [one["kind"] for one in found] == ["bounce", "ordinary", "bounce", "bounce", "bounce", "bounce"]
    assert all(one["recipients"][0]["address"] == "x@c.example" for one in found if one["kind"] == "bounce")


def test_rules_of_ones_own(files):
    (files / "rules.toml").write_text("[[rules]]\nreason = 'policy'\nwords = ['user unknown']\nadvice = 'Ask Joe.'\n")
    (files / "lettershop.toml").write_text(f"[delivery]\nbounce_rules = '{files}/rules.toml'\n")
    result = run(files / "bounce.eml", "--json", "--config", files / "lettershop.toml")
    [person] = json.loads(result.stdout)["recipients"]
    assert (person["class"], person["hard"], person["advice"]) == ("policy", False, "Ask Joe.")
