"""The leanest receiver that is still SMTP: pipelines, accepts everything, keeps nothing. Not ours to be measured.

python -m benchmarks.sink        prints its port; "count" on standard input prints how many messages it took, "marks" when those
                                 to tx-… came, "stop" ends
"""

import asyncio
import json
import sys
import time
from typing import ClassVar

import uvloop

EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n"
ANSWERS = dict.fromkeys((b"HELO", b"MAIL", b"RCPT", b"RSET"), b"250 ok\r\n") | {b"EHLO": EHLO}


class Sink(asyncio.Protocol):
    """One connection."""

    taken = 0
    first = last = 0.0
    marks: ClassVar[dict[str, float]] = {}  # recipient tx-… -> when its message was there
    marked = ""

    def connection_made(self, transport):
        self._transport = transport
        self._rest = b""
        self._tail = b""  # the end of the message so far, while in DATA
        self._in_data = False
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data):
        out = []
        while data:
            data = self._message(data, out) if self._in_data else self._commands(data, out)
        if out:
            self._transport.write(b"".join(out))

    def _message(self, data, out):
        seen = self._tail + data
        end = seen.find(b"\r\n.\r\n")
        if end < 0:
            self._tail = seen[-4:]
            return b""
        Sink.taken += 1
        Sink.last = time.time()
        Sink.first = Sink.first or Sink.last
        if self.marked:
            Sink.marks[self.marked], self.marked = Sink.last, ""
        self._in_data = False
        out.append(b"250 taken\r\n")
        return seen[end + 5 :]

    def _commands(self, data, out):
        data = self._rest + data
        self._rest = b""
        while (end := data.find(b"\r\n")) >= 0:
            line, data = data[:end], data[end + 2 :]
            verb = line[:4].upper()
            if verb == b"DATA":
                out.append(b"354 go\r\n")
                self._in_data, self._tail = True, b"\r\n"
                return data
            if b"<tx-" in line:
                self.marked = line[line.find(b"<") + 1 : line.find(b">")].decode()
            if verb == b"QUIT":
                self._transport.write(b"".join([*out, b"221 bye\r\n"]))
                self._transport.close()
                out.clear()
                return b""
            out.append(ANSWERS.get(verb, b"500 what\r\n"))
        self._rest = data
        return b""


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while (asked := (await loop.run_in_executor(None, sys.stdin.readline)).strip()) in ("count", "marks"):
        told = {"taken": Sink.taken, "first": Sink.first, "last": Sink.last, "cpu": time.process_time()}
        print(json.dumps(told if asked == "count" else Sink.marks), flush=True)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
