"""A name server on loopback that misbehaves as told: silent, slow, lying, truncating, endless."""

import asyncio
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers by the first label's kind, over UDP and TCP on one port.

    `zone`: (name, type) -> list of record texts. `rules`: the last labels of a name -> what is done to its questions:
    "silent", "servfail", "refused", "garbage", "half" (a cut-off answer), "other" (an answer to another question),
    "wrong-id", "truncated" (the answer only over TCP), "cut" (truncated, and TCP is closed), or seconds of delay.
    """

    def __init__(self, zone, rules=None):
        self.zone = {(name.rstrip(".") + ".", kind): texts for (name, kind), texts in zone.items()}
        self.rules = rules or {}
        self.asked = []

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._stream, "127.0.0.1", 0)
        self.port = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", self.port))
        return self

    async def __aexit__(self, *exc):
        self._udp.close()
        self._tcp.close()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def datagram_received(self, data, peer):
        rule, wire = self._answer(data, udp=True)
        if wire is None:
            return
        delay = rule if isinstance(rule, float) else 0.0
        asyncio.get_running_loop().call_later(delay, self._udp.sendto, wire, peer)

    async def _stream(self, reader, writer):
        try:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            rule, wire = self._answer(await reader.readexactly(size), udp=False)
            if wire is not None and rule != "cut":
                writer.write(struct.pack("!H", len(wire)) + wire)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _rule(self, name):
        labels = name.rstrip(".").split(".")
        return next(
            (self.rules[key] for at in range(len(labels)) if (key := ".".join(labels[at:])) in self.rules), None
        )

    def _answer(self, data, *, udp):
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        rule = self._rule(name)
        if rule == "silent":
            return rule, None
        response = dns.message.make_response(query)
        if rule in ("servfail", "refused"):
            response.set_rcode(dns.rcode.from_text(rule))
            return rule, response.to_wire()
        self._fill(response, name, kind, question)
        if rule == "other":
            response.question[0].name = dns.name.from_text("another.example.")
        if rule == "wrong-id":
            response.id ^= 1
        if rule in ("truncated", "cut") and udp:
            response.answer.clear()
            response.flags |= dns.flags.TC
        wire = response.to_wire(max_size=65535)
        if rule == "garbage":
            wire = wire[:2] + bytes(255 - byte for byte in wire[2:])
        return rule, wire[: len(wire) // 2] if rule == "half" else wire

    def _fill(self, response, name, kind, question):
        for _ in range(20):  # aliases, also those that lead in a circle
            if texts := self.zone.get((name, kind)):
                response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *texts))
                return
            alias = self.zone.get((name, "CNAME"))
            if alias is None:
                break
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", *alias))
            name = alias[0].lower()
        if not any(known == name or known.endswith(f".{name}") for known, _ in self.zone) and not response.answer:
            response.set_rcode(dns.rcode.NXDOMAIN)
