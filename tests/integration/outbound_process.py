"""An engine in a process of its own, for tests that kill it: python outbound_process.py URL ROUTES-AS-JSON OWNER."""

import asyncio
import json
import sys

from lettershop.base.clock import SystemClock
from lettershop.egress.engine import Engine
from lettershop.egress.message import Recipe
from lettershop.egress.settings import Settings
from lettershop.egress.site import Routes
from lettershop.net.zones import ZoneResolver
from lettershop.store.migrate import MAIN, open_half
from lettershop.workers.outbound import Outbound


class Source:
    async def prepare(self, leased):
        return [
            Recipe(
                one.envelope_id, "a@brand.example", f"c{one.contact_id}@{one.site}", lambda: b"Subject: x\r\n\r\ny\r\n"
            )
            for one in leased
        ]


async def main(url, routes, owner):
    clock = SystemClock()
    db = open_half(url, MAIN)
    settings = Settings("out.brand.example", owner, retry=(0.1,), poll=0.05, connections=3)
    where = Routes(ZoneResolver.of({}), clock, hostname="out.brand.example", fixed=json.loads(routes))
    await Outbound(Engine(db, Source(), Source(), where, clock, settings)).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
