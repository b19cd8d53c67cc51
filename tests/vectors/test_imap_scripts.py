"""The public IMAP scripts (../shared/vectors/imap) against a real server process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "shared" / "tools" / "imap_scripts.py"
SERVER = Path(__file__).parents[1] / "integration" / "mail_server_process.py"
FLOOR = 26
"""Groups that pass; all whose capabilities we announce. The others want what is not announced."""


def test_every_script_whose_capabilities_we_announce_passes(vectors: Path, tmp_path: Path) -> None:
    if not TOOL.is_file():
        pytest.skip("no ../shared/tools beside this clone")
    server = subprocess.Popen(
        [sys.executable, str(SERVER), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdin and server.stdout
        port = server.stdout.readline().split()[1]
        while server.stdout.readline() != "ready\n":
            pass
        scripts = [
            path.name for path in (vectors / "imap").iterdir() if path.suffix != ".mbox" and path.name != "LICENSE"
        ]
        who = {"HOST": "127.0.0.1", "IMAP_PORT": port, "LOGIN": "user@shop.example", "USER_NAME": "user@shop.example"}
        env = {**os.environ, **who, "PASS": "pass", "ONLY": " ".join(scripts), "DIR": str(vectors / "imap")}
        ran = subprocess.run([sys.executable, str(TOOL)], env=env, capture_output=True, text=True, timeout=100)
    finally:
        server.communicate(timeout=20)
    figures = re.search(r"(\d+)/\d+ groups pass, (\d+) fail", ran.stdout)
    assert figures, ran.stdout + ran.stderr
    assert (int(figures[2]), server.returncode) == (0, 0), ran.stdout
    assert int(figures[1]) >= FLOOR, ran.stdout
