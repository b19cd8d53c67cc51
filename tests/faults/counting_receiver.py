"""A receiver in a process of its own that writes down what it accepted, before it says 250, and how connections ended.

python counting_receiver.py FOLDER     prints its port; every line on standard input is its new pace in seconds a message

FOLDER/accepted: "time connection recipient" a line; FOLDER/ended: "time connection how", how being quit or cut.
Addresses that begin with "later" are deferred once, "gone" refused.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.receivers import Receiver, _Session, accept, refuse

from lettershop.base.clock import SystemClock
from lettershop.net.stream import Limits, StreamServer
from lettershop.wire.smtp.events import Event, Quit
from lettershop.wire.smtp.server import Settings


class Book:
    """A file to which lines are appended at once: what is written stays when anybody is killed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *cells: object) -> None:
        os.write(self._file, (" ".join(str(cell) for cell in (SystemClock().now(), *cells)) + "\n").encode())


class Session(_Session):
    def __init__(self, receiver: Receiver, accepted: Book, ended: Book, number: int) -> None:
        super().__init__(receiver)
        self._accepted, self._ended, self._number, self._how = accepted, ended, number, "cut"

    async def _message(self, data: bytes) -> None:
        for address, plan in self._plans:
            if plan.taken:
                self._accepted.write(self._number, address)
        await super()._message(data)
        self._receiver.messages.clear()

    async def _on(self, event: Event) -> None:
        if isinstance(event, Quit):
            self._how = "quit"
        await super()._on(event)

    async def closed(self) -> None:
        self._ended.write(self._number, self._how)
        await super().closed()


async def main(folder: Path) -> None:
    receiver = Receiver("inbox.example", Settings("mx.inbox.example"))
    accepted, ended = Book(folder / "accepted"), Book(folder / "ended")

    def decide(address: str, tries: int):
        if address.startswith("gone"):
            return refuse(550, "5.1.1", "No such user")
        return refuse(451, "4.7.1", "Greylisted") if tries == 1 and address.startswith("later") else None

    receiver.decide = decide

    def session() -> Session:
        receiver.connections += 1
        return Session(receiver, accepted, ended, receiver.connections)

    server = StreamServer(session, limits=Limits(per_peer=2000, grace=0.1))
    print((await server.listen("127.0.0.1", 0))[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        receiver.default = accept(wait=float(line))
    await server.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
