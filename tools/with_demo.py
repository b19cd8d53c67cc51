"""Runs a command against a running demo: `python tools/with_demo.py COMMAND …`.

Starts `lettershop demo`, waits until the campaign is done and the interface is left running, hands its address and login
to the command as LETTERSHOP_SCREENS_URL, _EMAIL and _PASSWORD, and stops the demo in the end.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable

READY = re.compile(r"sign in as (?P<email>\S+) with (?P<password>\S+)")
WEB = re.compile(r"(?P<url>http://127\.0\.0\.1:\d+)/campaigns/")


def main() -> int:
    """The command's exit code."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "lettershop", "demo"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    try:
        assert demo.stdout is not None
        found = await_login(demo.stdout)
        if not found:
            print("The demo did not get ready.", file=sys.stderr)
            return 1
        return subprocess.run(sys.argv[1:], env={**os.environ, **found}, check=False).returncode  # noqa: S603
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(60)


def await_login(lines: Iterable[str]) -> dict[str, str]:
    """Echo what the demo says until it has named its address and login."""
    found: dict[str, str] = {}
    for line in lines:
        print(line, end="")
        if match := WEB.search(line):
            found["LETTERSHOP_SCREENS_URL"] = match["url"]
        if match := READY.search(line):
            return found | {
                "LETTERSHOP_SCREENS_EMAIL": match["email"],
                "LETTERSHOP_SCREENS_PASSWORD": match["password"],
            }
    return {}


if __name__ == "__main__":
    sys.exit(main())
