"""The port to the message bytes. `store.blobs.Blobs` fills it; tests have a dictionary. [pure]"""

from typing import Protocol


class BlobStore(Protocol):
    """Bytes by key, written once."""

    async def put(self, data: bytes) -> str:
        """Keep the bytes; their key, once they are durable."""

    async def get(self, key: str) -> bytes:
        """The bytes of a key."""

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end` (not included); shorter where the blob ends earlier."""
