"""Bounces of the world, and what is none: `world.toml` describes how each system writes, here it is built and understood."""

import tomllib
from pathlib import Path

import pytest

from lettershop.mail.bounces import understand
from lettershop.wire.message import headers
from lettershop.wire.reports import glance

WORLD = tomllib.loads(Path(__file__).with_name("world.toml").read_text("utf-8"))
NAMES = list(WORLD)
RETURNED = (
    "Return-Path: <a@b.example>\nFrom: Ann <a@b.example>\nTo: x@c.example\nSubject: News\nMessage-ID: <1@b.example>\n"
)


def built(case):
    """The message that a case describes."""
    head = f"From: {case.get('from', 'Mail Delivery System <MAILER-DAEMON@mx.c.example>')}\nTo: a@b.example\n"
    head += f"Subject: {case.get('subject', 'Undelivered Mail Returned to Sender')}\nMIME-Version: 1.0\n"
    head += f"{case['extra']}\n" if "extra" in case else ""
    if "raw" in case:
        return (head + case["raw"]).encode()
    kind = "html" if "page" in case else "plain"
    words = case.get("page") or case.get("text") or "The mail system tried, in vain.\n"
    notice = f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{words}"
    if "status" not in case:
        return (head + notice).encode()
    fields = f"Final-Recipient: rfc822; x@c.example\nAction: {case.get('action', 'failed')}\nStatus: {case['status']}\n"
    fields += f"Diagnostic-Code: {case['said']}\n" if "said" in case else ""
    parts = [
        notice,
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.b.example\n\n{fields}",
        f"Content-Type: text/rfc822-headers\n\n{RETURNED}",
    ]
    report = "Content-Type: multipart/report; report-type=delivery-status; boundary=_mark\n\n"
    return (head + report + "".join(f"--_mark\n{part}\n" for part in parts) + "--_mark--\n").encode()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_understood(name):
    case = WORLD[name]
    kind = case.get("kind", "bounce")
    found = understand(built(case))
    assert found.kind == kind
    if kind in ("bounce", "delay", "complaint"):
        wanted = [case.get("to", "x@c.example")] if case.get("to", "x") else []
        assert [person.address for person in found.recipients] == wanted
    if "hard" in case:
        assert [person.hard for person in found.recipients] == [case["hard"]]
    if "reason" in case:
        assert [person.reason for person in found.recipients] == [case["reason"]]


@pytest.mark.parametrize(
    "name", [name for name, case in WORLD.items() if case.get("kind", "bounce") not in ("ordinary", "unsubscribe")]
)
def test_a_glance_at_its_header_is_enough_to_look_closer(name):
    assert glance.stands_out(headers.parse(built(WORLD[name])))


def test_there_are_many():
    assert len(NAMES) >= 180
