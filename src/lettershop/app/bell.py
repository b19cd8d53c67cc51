"""The bell that says "there is new mail in the queue", so that nobody waits for the next poll.

    ring, in a process that delivers: its engine looks at once
    ring, elsewhere: a datagram to each process of this data folder that delivers

A lost ring costs a poll (a quarter of a second), so nothing is repeated and nobody is waited for. Other machines poll.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LONGEST_PATH = 100
"""Bytes that a socket's path may have on every system; a longer one means polling."""


class Bell:
    """One per process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._heard: Callable[[], None] | None = None

    def ring(self) -> None:
        """Mail was queued, and its commit is through."""
        if self._heard is not None:
            self._heard()
            return
        for path in self._folder.glob("*.bell"):
            self._ring_at(path)

    def _ring_at(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            with suppress(OSError):  # nobody there any more, or its buffer is full: it is awake
                sender.sendto(b"!", str(path))

    async def hear(self, name: str, heard: Callable[[], None], stop: asyncio.Event) -> None:
        """Call `heard` at every ring, also of other processes, until `stop`."""
        self._heard = heard
        path = self._folder / f"{name}.bell"
        if len(str(path).encode()) > LONGEST_PATH:
            await stop.wait()
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        opened.bind(str(path))
        opened.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(opened, self._read, opened)
        try:
            await stop.wait()
        finally:
            loop.remove_reader(opened)
            opened.close()
            path.unlink(missing_ok=True)

    def _read(self, opened: socket.socket) -> None:
        with suppress(BlockingIOError):
            while opened.recv(16):
                pass
        if self._heard is not None:
            self._heard()
