"""The media library of a workspace: pictures and files, kept by their hash, served to everybody under /m/.

upload > `pictures.look` tells what it is > store.blobs > a row; the same bytes again are the same medium
served by hash: the address never changes its content, so it is cached for a year
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound
from lettershop.marketing.content import Design
from lettershop.marketing.pictures import MediaInvalid, look
from lettershop.store import media as rows
from lettershop.store.blobs import Blobs
from lettershop.store.database import Database
from lettershop.store.media import Medium

LARGEST = 10_000_000
"""Bytes of one file."""
_UNSAFE = re.compile(r"[^\w.-]+")


class NoSuchMedium(NotFound):
    """There is no such picture or file."""

    code = "no-such-medium"


@dataclass(frozen=True, slots=True)
class Served:
    """A medium as it goes to a browser. `shown`: a picture; anything else is only to be saved."""

    content_type: str
    data: bytes
    shown: bool
    name: str


class Media:
    """One per process. `public_url` is what addresses of media start with."""

    def __init__(self, main: Database, blobs: Blobs, clock: Clock, public_url: str) -> None:
        self._main = main
        self._blobs = blobs
        self._clock = clock
        self._public_url = public_url.rstrip("/")

    async def upload(self, workspace_id: int, name: str, data: bytes) -> Medium:
        """Keep a file; raises MediaInvalid. Who uploads the same bytes again gets what is there."""
        if len(data) > LARGEST:
            raise MediaInvalid(f"The file has {len(data)} bytes; {LARGEST} are kept at most.")
        kind = look(data)
        digest = sha256(data).hexdigest()
        known = await self._main.read(rows.by_hash, workspace_id, digest)
        if known is not None:
            return known
        blob = await self._blobs.put(data)
        return await self._main.write(
            rows.add, workspace_id, digest, name=safe_name(name), content_type=kind.content_type, size=len(data),
            width=kind.width, height=kind.height, blob=blob, at=self._clock.now(),
        )  # fmt: skip

    async def get(self, workspace_id: int, medium_id: int) -> Medium:
        """One of the workspace; raises NoSuchMedium."""
        found = await self._main.read(rows.by_id, workspace_id, medium_id)
        if found is None:
            raise NoSuchMedium(f"There is no medium {medium_id}.")
        return found

    async def whole(self, workspace_id: int, medium_id: int) -> tuple[Medium, bytes]:
        """One of the workspace with its bytes; raises NoSuchMedium, BlobMissing."""
        found = await self.get(workspace_id, medium_id)
        return found, await self._blobs.get(found.blob)

    async def page(self, workspace_id: int, *, before: int | None = None, limit: int = 50) -> Sequence[Medium]:
        """The newest first."""
        return await self._main.read(rows.page, workspace_id, before=before, limit=limit)

    async def remove(self, workspace_id: int, medium_id: int) -> None:
        """Take it out of the library: its address leads nowhere any more, also in mail that was sent."""
        await self.get(workspace_id, medium_id)
        await self._main.write(rows.remove, medium_id)

    def url(self, medium: Medium) -> str:
        """Its public address."""
        return address(self._public_url, medium.hash, medium.name)

    async def served(self, digest: str) -> Served | None:
        """What a browser gets for the hash; None: there is none."""
        found = await self._main.read(rows.anywhere, digest) if re.fullmatch("[0-9a-f]{64}", digest) else None
        if found is None:
            return None
        shown = found.width > 0
        kind = found.content_type if shown else "application/octet-stream"
        return Served(kind, await self._blobs.get(found.blob), shown, found.name)


async def files_of(design: Design, blobs: Blobs) -> dict[str, bytes]:
    """The bytes of a campaign's files, by hash; raises BlobMissing."""
    return {str(file["hash"]): await blobs.get(str(file["blob"])) for file in design.files}


def in_browser(page: str, design: Design) -> str:
    """The page with its pictures from their public addresses: a browser has no cid: (RFC 2392)."""
    for file in design.files:
        page = page.replace(f"cid:{file['name']}", address(design.public_url, str(file["hash"]), str(file["name"])))
    return page


def address(public_url: str, digest: str, name: str) -> str:
    """The public address of a medium."""
    return f"{public_url.rstrip('/')}/m/{digest}/{name}"


def safe_name(name: str) -> str:
    """A name that stands in an address and in a header as it is."""
    plain = _UNSAFE.sub("-", name.encode("ascii", "ignore").decode().rpartition("/")[2].rpartition("\\")[2])
    return plain.strip(".-")[-100:] or "file"
