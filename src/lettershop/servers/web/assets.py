"""Our own and the vendors' front-end files: read once, compressed once, served from memory under a name that changes with them.

`/static/VERSION/path` may be cached for a year; VERSION is a hash over all files. Under another version the present file
is served without caching, so a page from before an update still gets its style. Files that set-up did not bring are
simply absent: pages then are plain, and stay readable.
"""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
    ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".png": "image/png", ".ico": "image/x-icon",
}  # fmt: skip
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file in memory; `packed` is its gzip form where that is smaller."""

    body: bytes
    packed: bytes | None
    media_type: str


class Assets:
    """All files below a folder, as they were when this was made."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in TYPES)
        self._files = {path.relative_to(folder).as_posix(): _load(path) for path in paths}
        digest = sha256()
        for name, asset in self._files.items():
            digest.update(name.encode() + b"\0" + asset.body)
        self.version = digest.hexdigest()[:12]

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self._files

    def url(self, name: str) -> str:
        """The address under which a page asks for the file."""
        return f"/static/{self.version}/{name}"

    async def answer(self, request: Request) -> Response:
        """GET /static/VERSION/NAME."""
        asset = self._files.get(request.path_params["name"])
        if asset is None:
            return PlainTextResponse("Not found.\n", 404)
        fresh = request.path_params["version"] == self.version
        headers = {"cache-control": FOREVER if fresh else "no-cache", "vary": "accept-encoding"}
        if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, headers={**headers, "content-encoding": "gzip"}, media_type=asset.media_type)
        return Response(asset.body, headers=headers, media_type=asset.media_type)


def _load(path: Path) -> Asset:
    body = path.read_bytes()
    packed = gzip.compress(body, 6, mtime=0) if path.suffix != ".woff2" else body
    return Asset(body, packed if len(packed) < len(body) else None, TYPES[path.suffix])
