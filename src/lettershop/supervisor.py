"""The parent process: binds the listeners, forks one worker a core, keeps them alive, stops them gently.

What must not live here: an event loop, a thread, a database connection; a fork would copy them, and a database that does
not answer must not keep a worker from being started again. Flow:

    bind (SO_REUSEPORT, one socket a worker and listener, so the kernel shares out the connections)
    > fork the workers > each says "ready" through a pipe > print `ready`
    > a worker dies: its sockets stay open here, a new worker takes them over, and the mail that it held (by its name)
    > SIGTERM or SIGINT: the workers finish what they are doing; those that take too long are killed
"""

import ctypes
import fcntl
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from lettershop.base.config import Config
from lettershop.base.errors import ConfigError, LettershopError

Sockets = dict[str, list[socket.socket]]
"""The listening sockets of one worker, by the name of the service in [listen]."""

STOP_PATIENCE = 20.0
"""Seconds that workers get to finish."""
RESTART_PAUSE = 1.0
READY_PATIENCE = 60.0
PR_SET_PDEATHSIG = 1

Worker = Callable[[int, Sockets, Callable[[], None]], int]
"""(number, sockets, say ready) -> exit code; runs in the child."""


class AlreadyServed(ConfigError):
    """Another server works on the same data."""

    code = "already-served"


class ListenerTaken(ConfigError):
    """An address of [listen] cannot be bound."""

    code = "listener-taken"


def bind(listeners: Mapping[str, Sequence[str]], workers: int) -> list[Sockets]:
    """The sockets of every worker. Port 0 takes a free port, the same for all workers."""
    bound: list[Sockets] = [{} for _ in range(workers)]
    for service, addresses in listeners.items():
        for address in addresses:
            host, _, port = address.rpartition(":")
            number = int(port)
            for sockets in bound:
                opened = _bind_one(service, host.strip("[]"), number)
                number = opened.getsockname()[1]
                sockets.setdefault(service, []).append(opened)
    return bound


def _bind_one(service: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        opened.bind((host, port))
        opened.listen(1024)
    except OSError as error:
        raise ListenerTaken(
            f"{service} cannot listen on {host}:{port}: {error.strerror}.",
            remedy="Stop the program that has the port, choose another in [listen], or run with the right to use low ports.",
        ) from error
    opened.setblocking(False)
    return opened


def addresses(sockets: Sockets) -> dict[str, list[str]]:
    """Where each service really listens, as "address:port"."""
    return {
        service: [f"{s.getsockname()[0]}:{s.getsockname()[1]}" for s in opened] for service, opened in sockets.items()
    }


def be_alone(file: Path, patience: float = STOP_PATIENCE + 10.0) -> IO[bytes]:
    """Hold this file until the last process of ours has ended; keep what is returned.

    Workers name their leases by their number. Those of a supervisor that was killed still finish what they are doing, and
    whoever takes over their names meanwhile would send it again. Raises AlreadyServed.
    """
    held = file.open("ab")
    began, told = time.monotonic(), False
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            waited = time.monotonic() - began
            if waited > 1.0 and not told:
                print(f"waiting for another server to end that delivers from {file.parent}", file=sys.stderr)
                told = True
            if waited > patience:
                raise AlreadyServed(
                    f"Another server delivers from {file.parent}.",
                    remedy="Stop it, or give this one a data_dir of its own.",
                ) from error
            time.sleep(0.05)
        else:
            return held


def raise_file_limit() -> None:
    """As many open files as the system allows: a connection is a file, and the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # some systems say "unlimited" and take less
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def workers_of(config: Config) -> int:
    """How many workers the configuration asks for."""
    return config.server.workers or len(os.sched_getaffinity(0))


@dataclass(slots=True)
class Supervisor:
    """Keeps the workers; see the module."""

    worker: Worker
    sockets: list[Sockets]
    _pids: dict[int, int] = field(default_factory=dict)
    _stopping: bool = False

    def run(self, ready: Callable[[], None]) -> int:
        """Start all, call `ready` once, stay until told to stop; the exit code."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        readers = [self._start(number) for number in range(len(self.sockets))]
        if not self._await_ready(readers):
            self._end()
            return 1
        ready()
        while not self._stopping:
            self._reap()
        return self._end()

    def _start(self, number: int) -> int:
        """Fork one worker; the reading end of its pipe."""
        reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            os.close(writer)
            self._pids[pid] = number
            return reader
        code = 1
        try:
            os.close(reader)
            self._pids.clear()
            _die_with_parent()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
            code = self.worker(number, self.sockets[number], lambda: _say_ready(writer))
        except LettershopError as error:
            print(error.for_people(), file=sys.stderr)
        except Exception:
            traceback.print_exc()  # the child ends without the interpreter's own last words
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _await_ready(self, readers: Sequence[int]) -> bool:
        waiting, until = set(readers), time.monotonic() + READY_PATIENCE
        good = True
        while waiting and not self._stopping and time.monotonic() < until:
            for reader in select.select(list(waiting), [], [], 0.2)[0]:
                good = good and bool(os.read(reader, 1))  # an end without a word: the worker died
                waiting.discard(reader)
        for reader in readers:
            os.close(reader)
        return good and not waiting

    def _reap(self) -> None:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pid, status = 0, 0
        if not pid:
            time.sleep(0.1)
            return
        number = self._pids.pop(pid)
        if self._stopping:
            return
        print(f"worker {number} ended ({_words(status)}); starting it again", file=sys.stderr)
        time.sleep(RESTART_PAUSE)
        os.close(self._start(number))

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> int:
        self._signal_all(signal.SIGTERM)
        until = time.monotonic() + STOP_PATIENCE
        while self._pids and time.monotonic() < until:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            self._pids.pop(pid, None)
            if not pid:
                time.sleep(0.02)
        self._signal_all(signal.SIGKILL)
        for pid in self._pids:
            os.waitpid(pid, 0)
        return 0 if self._stopping else 1

    def _signal_all(self, number: int) -> None:
        for pid in self._pids:
            os.kill(pid, number)


def _die_with_parent() -> None:
    """Linux: a worker is told to stop when the supervisor is gone, even by kill -9, so none is left behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _say_ready(writer: int) -> None:
    with suppress(BrokenPipeError):  # a worker that was started again: nobody waits for its word
        os.write(writer, b"r")
    os.close(writer)


def _words(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
