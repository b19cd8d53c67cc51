"""The first line that a server says on a port: whether one gets there at all. Nothing is answered."""

import asyncio

LONGEST = 1000
"""Bytes of the line that are kept."""


async def greeting(host: str, port: int, seconds: float) -> str:
    """The line, without its end; raises OSError (TimeoutError too) where nobody speaks in time."""
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(host, port, limit=LONGEST)
        try:
            line = await reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ConnectionAbortedError("The server said no line.") from error
        finally:
            writer.close()
    return line.decode("ascii", "replace").strip()
