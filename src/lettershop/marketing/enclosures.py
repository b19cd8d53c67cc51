"""Files of a campaign: pictures within its HTML (cid:) and attachments, encoded once for everybody. [pure]

    multipart/mixed [ multipart/related [ multipart/alternative (what differs by person), pictures ], attachments ]

Only the layers that are needed are there. What stands round the alternative part is ready in wire form, which is DKIM's
canonical form too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lettershop.wire.message import compose


@dataclass(frozen=True, slots=True)
class Around:
    """What stands before and after the part that differs by person, and the content type of the whole."""

    content_type: str
    before: bytes = b""
    after: bytes = b""


def around(files: Sequence[Mapping[str, Any]], data: Mapping[str, bytes], boundary: str) -> Around:
    """Files are `name`, `content_type`, `inline` and `hash`; `data` is their bytes by hash. Without data there are none."""
    whole = Around(f'multipart/alternative; boundary="{boundary}"')
    for mark, inline, kind in (
        ("r", True, 'multipart/related; type="multipart/alternative"'),
        ("m", False, "multipart/mixed"),
    ):
        parts = [_part(file, data[file["hash"]]) for file in files if file["inline"] == inline and file["hash"] in data]
        if parts:
            whole = _layer(whole, kind, boundary + mark, parts)
    return whole


def _layer(inner: Around, kind: str, boundary: str, parts: Sequence[bytes]) -> Around:
    line = b"--" + boundary.encode()
    header = compose.Header()
    header.add("Content-Type", inner.content_type)
    before = b"".join((line, b"\r\n", header.encode(), b"\r\n", inner.before))
    after = b"".join((inner.after, *[line + b"\r\n" + part for part in parts], line, b"--\r\n"))
    return Around(f'{kind}; boundary="{boundary}"', before, after)


def _part(file: Mapping[str, Any], data: bytes) -> bytes:
    name = str(file["name"])
    disposition = f"{'inline' if file['inline'] else 'attachment'}; {compose.parameter('filename', name)}"
    content_id = name if file["inline"] else ""
    return compose.body_part(
        str(file["content_type"]),
        compose.base64(data),
        encoding="base64",
        disposition=disposition,
        content_id=content_id,
    )
