"""A receiver in another process (`counting_receiver.py`), and its two books."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


class Counting:
    """The receiver's process and its two books."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        script = Path(__file__).with_name("counting_receiver.py")
        path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        self.port = int(self._process.stdout.readline())

    def pace(self, seconds: float) -> None:
        print(seconds, file=self._process.stdin, flush=True)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def accepted(self) -> dict[str, list[tuple[float, str]]]:
        """(time, connection) of every copy, by recipient."""
        found = defaultdict(list)
        for line in (self._folder / "accepted").read_text().splitlines():
            at, connection, recipient = line.split()
            found[recipient].append((float(at), connection))
        return found

    def ended(self) -> dict[str, tuple[float, str]]:
        """When and how each connection ended."""
        lines = (line.split() for line in (self._folder / "ended").read_text().splitlines())
        return {connection: (float(at), how) for at, connection, how in lines}
