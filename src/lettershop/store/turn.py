"""Whose turn it is to write to a file, among the processes that do: a lock of the kernel, waited for in its queue.

SQLite itself only polls for its lock, with pauses that grow to a tenth of a second; here a process goes on the moment the other has
committed. A process that dies lets go of it; one that is stopped (SIGSTOP, a frozen container) does not, so nobody waits longer than
`patience`: the wait happens in a thread of its own, and a turn that comes when nobody wants it any more is given back.
"""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from lettershop.store.database import DatabaseBusy


class _Wish:
    """A turn that was asked for. `over`: it came; given up, it was given back at once."""

    __slots__ = ("given_up", "over")

    def __init__(self) -> None:
        self.over = threading.Event()
        self.given_up = False


class Turn:
    """One per process and file; one thread takes it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._wishes: SimpleQueue[_Wish] = SimpleQueue()
        self._waiting: threading.Thread | None = None  # begun when there is somebody to wait for
        self._given_up: _Wish | None = None  # still in the kernel's queue
        self._deciding = threading.Lock()

    @contextmanager
    def mine(self, patience: float) -> Iterator[None]:
        """Alone among the processes; raises DatabaseBusy if it does not come in so many seconds."""
        self._take(patience)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file, unless a wait for it is left behind."""
        if self._given_up is None:
            self._file.close()

    def _take(self, patience: float) -> None:
        if self._given_up is not None and not self._given_up.over.wait(patience):
            raise _busy()
        self._given_up = None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait(patience)

    def _wait(self, patience: float) -> None:
        if self._waiting is None:
            self._waiting = threading.Thread(target=self._stand_in_line, name="turn", daemon=True)
            self._waiting.start()
        wish = _Wish()
        self._wishes.put(wish)
        if wish.over.wait(patience):
            return
        with self._deciding:
            if wish.over.is_set():
                return
            wish.given_up = True
        self._given_up = wish
        raise _busy()

    def _stand_in_line(self) -> None:
        while True:
            wish = self._wishes.get()
            fcntl.flock(self._file, fcntl.LOCK_EX)
            with self._deciding:
                if wish.given_up:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                wish.over.set()


def _busy() -> DatabaseBusy:
    return DatabaseBusy("The database is busy.", remedy="Try again in a moment.")
