"""How TLS to one host is judged: what is demanded of it, and by whose policy. [pure]

may < encrypted < trusted (MTA-STS), dane. Anything above "may" never ends in clear text: it is tried again later.
"""

from dataclasses import dataclass
from typing import Literal

from lettershop.wire.trust.dane import Tlsa

Demand = Literal["may", "encrypted", "trusted", "dane"]


@dataclass(frozen=True, slots=True)
class Applied:
    """The policy that counts for a host, as reports name it (RFC 8460 4.2): its kind and its text."""

    kind: Literal["no-policy-found", "sts", "tlsa"] = "no-policy-found"
    text: tuple[str, ...] = ()


NO_POLICY = Applied()


@dataclass(frozen=True, slots=True)
class Guard:
    """What a connection to a host must be. `label` tells domains apart that share a host but not what they demand.

    `trial`: what fails is noted only, the mail goes all the same, encrypted at least if `encrypted` says so. `listed`: the
    policy names the host. `tlsa`: one of these must name the certificate, which then is for one of `names`.
    """

    demand: Demand = "may"
    label: str = ""
    policy: Applied = NO_POLICY
    trial: bool = False
    listed: bool = True
    encrypted: bool = False
    tlsa: tuple[Tlsa, ...] = ()
    names: tuple[str, ...] = ()


OPEN = Guard()
"""Encrypted where it can be (RFC 7435), else in clear."""
ENCRYPTED = Guard("encrypted", "tls")
"""The operator's wish: TLS with whomever answers, else nothing."""
