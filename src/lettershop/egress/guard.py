"""How TLS to one host is judged: what is demanded of it, and by whose policy. [pure]

may < encrypted < trusted (MTA-STS), dane. Anything above "may" never ends in clear text: it is tried again later.
"""

from dataclasses import dataclass
from typing import Literal

Demand = Literal["may", "encrypted", "trusted", "dane"]


@dataclass(frozen=True, slots=True)
class Guard:
    """What a connection to a host must be. `label` tells domains apart that share a host but not what they demand."""

    demand: Demand = "may"
    label: str = ""


OPEN = Guard()
"""Encrypted where it can be (RFC 7435), else in clear."""
ENCRYPTED = Guard("encrypted", "tls")
"""The operator's wish: TLS with whomever answers, else nothing."""
