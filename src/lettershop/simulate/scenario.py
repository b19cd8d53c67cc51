"""Scenarios: who is written to, which receivers there are, how they behave; one TOML text in, a `Scenario` out. [pure]

Shares add up to whatever they do; each receiver gets its part of the recipients. Times are seconds after the start.
"""

import tomllib
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lettershop.base.errors import ConfigError, NotFound

Share = Annotated[float, Field(ge=0, le=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Storm(_Table):
    """A time in which a receiver puts off a share of what comes."""

    start: float = Field(alias="from", ge=0)
    until: float
    share: Share = 1.0
    answer: str = "421 4.3.2 Service not available, closing transmission channel"


class Receiver(_Table):
    """One receiver. `latency`: seconds that a connection needs for a message; `per_minute`: what it takes, 0 for no limit."""

    name: str
    share: float = Field(gt=0)
    domains: int = Field(1, ge=1, description="How many domains have their mail there.")
    mx: list[str] = []
    own_servers: bool = False
    latency: float = Field(0.1, gt=0)
    connections: int = Field(50, ge=1)
    per_minute: float = Field(0, ge=0)
    greylist: float = Field(0, ge=0)
    unknown: Share = 0.003
    opens: Share = 0.25
    complaints: Share = 0.0001
    dead: bool = False
    refuses: bool = False
    new_sender_daily: int = Field(0, ge=0)
    storms: list[Storm] = []
    too_many: str = "421 4.7.0 Too many concurrent SMTP connections from your IP"
    too_fast: str = "450 4.7.1 You are sending too fast, rate limit exceeded"
    distrust: str = (
        "421 4.7.0 Our system has detected that this message is suspicious due to the low reputation of the sending IP"
    )


class Warmup(_Table):
    """The steps of a warm-up; none: there is none."""

    steps: list[int] = []


class Scenario(_Table):
    """See the module. `speed`: messages a second that this machine signs, all processes together."""

    name: str
    about: str = ""
    recipients: int = Field(ge=1)
    workers: int = Field(2, ge=1)
    speed: float = Field(1000, gt=0)
    days: float = Field(30, gt=0, description="After so many days it is broken off.")
    begins: float = Field(9 * 3600, ge=0, lt=86_400, description="Seconds after midnight, UTC.")
    retry: list[float] = Field([300, 900, 1800, 3600, 7200, 14400, 21600, 28800], min_length=1)
    expire: float = 259_200
    breakers: bool = True
    warmup: Warmup = Warmup()
    receiver: list[Receiver] = Field(min_length=1)


def load(text: str, *, source: str = "scenario", **changes: Any) -> Scenario:
    """A scenario from its text, with some keys changed; raises ConfigError that names the key."""
    try:
        tree = tomllib.loads(text)
        return Scenario.model_validate({**tree, **{key: value for key, value in changes.items() if value is not None}})
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{source}: {where}: {first['msg']}.") from error


def shipped() -> list[str]:
    """The names of the scenarios that ship with the program."""
    folder = files("lettershop.simulate") / "scenarios"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def shipped_text(name: str) -> str:
    """The text of a shipped scenario; raises NotFound."""
    if name not in shipped():
        raise NotFound(f"There is no scenario {name!r}.", remedy=f"Shipped are: {', '.join(shipped())}.")
    return (files("lettershop.simulate") / "scenarios" / f"{name}.toml").read_text("utf-8")
