"""The supervisor: real processes. A killed worker comes back on the same port; a killed supervisor leaves nobody behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
from lettershop.supervisor import Supervisor, bind, addresses

def worker(number, sockets, ready):
    ready()
    listener = sockets["smtp"][0]
    listener.setblocking(True)
    while True:
        connection, _ = listener.accept()
        connection.sendall(f"{os.getpid()}\\n".encode())
        connection.close()

sockets = bind({"smtp": ["127.0.0.1:0"]}, 1)
print(addresses(sockets[0])["smtp"][0], flush=True)
sys.exit(Supervisor(worker, sockets).run(lambda: print("ready", flush=True)))
"""


@pytest.fixture
def supervised():
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    port = int(process.stdout.readline().rpartition(":")[2])
    assert process.stdout.readline() == "ready\n"
    yield process, port
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


def ask(port: int) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        return int(connection.makefile().readline())


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_a_killed_worker_comes_back_and_no_connection_is_refused_meanwhile(supervised):
    process, port = supervised
    first = ask(port)
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    assert ask(port) != first  # this connection waited in the socket that the supervisor kept
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_a_killed_supervisor_leaves_no_worker_behind(supervised):
    process, port = supervised
    worker = ask(port)
    process.kill()
    assert gone(worker)
