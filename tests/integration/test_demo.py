"""The whole loop as a newcomer runs it, on both engines by the database URL alone: real server, real readers, real mail."""

import json
import os
import subprocess
import sys

import pytest

ACTS = ("opened", "opened_by_machine", "clicked", "unsubscribed", "complained", "replied")


@pytest.mark.timeout(240)
def test_the_demo_adds_up(database_url, tmp_path):
    environment = {**os.environ, "LETTERSHOP_DATABASE__URL": database_url, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "lettershop", "demo", "--once", "--json", "--recipients", "400"],
        capture_output=True, text=True, timeout=200, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["sent"] == told["delivered"] + told["bounced_hard"] + told["bounced_soft"] + told["waiting"]
    assert told["dkim_pass"] == told["spf_pass"] == told["dmarc_pass"] == told["delivered"] > 100
    assert told["waiting"] == 0
    assert told["bounced_hard"] > 0, "the sample has addresses that do not exist"
    assert all(told[act] > 0 for act in ACTS), told
    assert told["latency_ms"]["p50"] <= told["latency_ms"]["p95"] <= told["latency_ms"]["p99"]
    assert not list(tmp_path.glob("lettershop-demo-*")), "the demo cleans up after itself"
