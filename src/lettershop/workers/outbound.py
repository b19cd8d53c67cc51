"""The loop that delivers: keeps the engine of this process running until it is told to stop.

An engine that dies of an unforeseen error is started again after a pause; what it held comes back with its start.
"""

import asyncio

from lettershop.base.log import get_logger
from lettershop.egress.engine import Engine

PAUSE = 5.0


class Outbound:
    """One per process with the role "delivery"."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._log = get_logger("workers.outbound")

    def wake(self) -> None:
        """New mail was queued in this process."""
        self._engine.wake()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; returns when everything held is finished or given back."""
        while not stop.is_set():
            try:
                await self._engine.run(stop)
            except Exception:
                self._log.exception("delivery stopped and will go on")
                await _pause(stop)


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(PAUSE):
            await stop.wait()
    except TimeoutError:
        return
