"""Which messages belong together, by the identifiers that they name (RFC 5322 3.6.4). [pure]

Looked for among envelopes as they are kept since delivery: their last two strings are In-Reply-To and Message-ID.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

Key = TypeVar("Key")

ROUNDS = 20
"""Steps from the message in question; a chain that is longer is cut."""

_ID = re.compile(rb"<([^<>\s\"\\]{3,250})>")


def related(start: Iterable[str], envelopes: Mapping[Key, bytes]) -> set[Key]:
    """The keys of those envelopes that hang together with the identifiers `start`."""
    ids = {key: frozenset(_ID.findall(envelope)) for key, envelope in envelopes.items()}
    known = {one.encode("utf-8", "surrogateescape") for one in start}
    found: set[Key] = set()
    for _ in range(ROUNDS):
        more = {key for key, named in ids.items() if key not in found and not known.isdisjoint(named)}
        if not more:
            break
        found |= more
        known.update(*(ids[key] for key in more))
    return found
