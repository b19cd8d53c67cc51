"""Processor time per message of our SMTP client and our SMTP server, sockets included, storage excluded.

    python benchmarks/smtp_transport.py [--seconds 3]

Two processes on loopback: the server machine with services that accept everything, and the dialler with pipelining
across messages. Each process measures its own processor time; wall rates are not the point (the two share the cores).
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import time
from multiprocessing.connection import Connection

import uvloop

from lettershop.net.dial import SmtpConnection, Target, dial
from lettershop.net.stream import Limits, StreamServer
from lettershop.servers.smtp import SmtpSession
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo
from lettershop.wire.smtp.outgoing import Outcome, Outgoing, Settings
from lettershop.wire.smtp.replies import Reply
from lettershop.wire.smtp.server import Settings as ServerSettings

LINE = b"An ordinary line of an ordinary newsletter, quoted-printable, of ordinary width.\r\n"


class AcceptAll:
    async def accept_client(self, client: Client) -> Reply | None:
        return None

    async def accept_sender(self, client: Client, sender: MailFrom) -> Reply:
        return replies.SENDER_OK

    async def accept_recipient(self, client: Client, sender: MailFrom, recipient: RcptTo) -> Reply:
        return replies.RECIPIENT_OK

    async def deliver(self, envelope: Envelope, data: bytes) -> Reply:
        return replies.ACCEPTED


def serve(pipe: Connection) -> None:
    async def main() -> None:
        inbound = AcceptAll()
        settings = ServerSettings("mx.bench.example")
        server = StreamServer(lambda: SmtpSession(settings, inbound), limits=Limits(per_peer=1000))
        pipe.send((await server.listen("127.0.0.1", 0))[1])
        loop = asyncio.get_running_loop()
        while (await loop.run_in_executor(None, pipe.recv)) != "stop":
            pipe.send(time.process_time())
        await server.close()

    uvloop.run(main())


async def pump(connection: SmtpConnection, data: bytes, until: float) -> int:
    """Two messages posted at any time, so that the next envelope always travels behind the dot."""
    sent = 0

    def one() -> "asyncio.Future[Outcome]":
        return connection.post(Outgoing(f"bounce+{sent}@a.example", f"user{sent}@b.example", data))

    first = one()
    while time.monotonic() < until:
        second = one()
        outcome = await first
        assert outcome.accepted, outcome
        sent += 1
        first = second
    await first
    await connection.close()
    return sent + 1


async def measure(port: int, size: int, connections: int, seconds: float, pipe: Connection) -> dict[str, float]:
    data = (LINE * (size // len(LINE) + 1))[: size - 2] + b"\r\n"
    dialled = [await dial(Target("127.0.0.1", port), Settings("bench.example")) for _ in range(connections)]
    pipe.send("time")
    server_before, before, start = pipe.recv(), time.process_time(), time.monotonic()
    counts = await asyncio.gather(*(pump(connection, data, start + seconds) for connection in dialled))
    wall, cpu = time.monotonic() - start, time.process_time() - before
    pipe.send("time")
    server_cpu = pipe.recv() - server_before
    sent = sum(counts)
    return {
        "size": size,
        "connections": connections,
        "messages": sent,
        "per_second": round(sent / wall),
        "client_us": round(cpu / sent * 1e6, 1),
        "server_us": round(server_cpu / sent * 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    seconds = parser.parse_args().seconds
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    port = ours.recv()
    for size, connections in ((10_240, 20), (30_720, 20), (10_240, 1)):
        result = uvloop.run(measure(port, size, connections, seconds, ours))
        print(json.dumps(result | {"load": round(os.getloadavg()[0], 1)}))
    ours.send("stop")
    process.join(5)


if __name__ == "__main__":
    main()
