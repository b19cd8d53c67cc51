"""`lettershop campaign schedule, repeat, runs, resend, throttle`: when and how fast campaigns go."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from lettershop.app.house import House
from lettershop.base.errors import Invalid
from lettershop.cli.campaigns import Which, number_of, print_findings
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.marketing.compliance import NotReady
from lettershop.marketing.pacing import known_zone
from lettershop.marketing.recurrence import Repeat
from lettershop.store import campaigns as rows
from lettershop.store.campaigns import Campaign

T = TypeVar("T")

At = Annotated[str, typer.Argument(help="Like 2026-12-01T09:00; with an offset, or in the zone of --zone.")]
Zone = Annotated[str, typer.Option("--zone", help="Such as Europe/Berlin.")]


def _moment(text: str, zone: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is no time.", remedy="Write it like 2026-12-01T09:00.") from error
    return (found if found.tzinfo else found.replace(tzinfo=known_zone(zone))).timestamp()


def _checked(config: Path | None, work: Callable[[House], Awaitable[T]]) -> T:
    """Do it; what the check finds is printed where it keeps it from being done."""
    try:
        return run(config, work)
    except NotReady as error:
        print_findings(error.findings, to_stderr=True)
        raise


def _shown(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def schedule(which: Which, at: At, zone: Zone = "UTC", config: ConfigFile = None) -> None:
    """Send a campaign at a time; it is checked now and again then."""
    moment = _moment(at, zone)

    async def work(house: House) -> None:
        await house.need_marketing().campaigns.schedule(await number_of(house, which), moment, by="shell")

    _checked(config, work)
    print(f"It will be sent at {_shown(moment)}.")


def unschedule(which: Which, config: ConfigFile = None) -> None:
    """Make it a draft again; a recurring campaign has no further runs."""

    async def work(house: House) -> None:
        await house.need_marketing().campaigns.unschedule(await number_of(house, which), by="shell")

    run(config, work)
    print("It is a draft.")


def repeat(
    which: Which,
    first: At,
    unit: Annotated[str, typer.Option("--unit", help="day, week or month.")],
    every: Annotated[int, typer.Option("--every", help="Every so many of them.")] = 1,
    zone: Zone = "UTC",
    until: Annotated[str, typer.Option("--until", help="No run after this moment.")] = "",
    config: ConfigFile = None,
) -> None:
    """Send it again and again from a first time on; each run is a campaign of its own, with its own report."""
    rule = Repeat(every, unit, _moment(first, zone), zone, _moment(until, zone) if until else None)

    async def work(house: House) -> Campaign:
        campaigns, number = house.need_marketing().campaigns, await number_of(house, which)
        await campaigns.repeat(number, rule, by="shell")
        return await campaigns.get(number)

    print(f"The next run is at {_shown(_checked(config, work).scheduled_at)}.")


def runs(which: Which, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List what a recurring campaign has sent, the newest first."""

    async def work(house: House) -> list[Campaign]:
        return await house.main_db.read(rows.runs_of, await number_of(house, which))

    found = run(config, work)
    if as_json:
        print_json([{"id": c.id, "name": c.name, "state": c.state, "recipients": c.recipients} for c in found])
        return
    table = [(c.id, c.name, c.state, c.recipients, _shown(c.started_at)) for c in found]
    print_rows("Runs", ["number", "name", "state", "recipients", "started"], table, "No run yet.")


def resend(
    which: Which,
    subject: Annotated[str, typer.Option("--subject", help="Another subject than the first time.")],
    name: Annotated[str, typer.Option("--name", help="Without it: the old name, with (again).")] = "",
    config: ConfigFile = None,
) -> None:
    """Make a draft for the people whom it reached and who did not open, click or answer."""

    async def work(house: House) -> int:
        return await house.need_marketing().campaigns.resend(await number_of(house, which), subject, name)

    number = run(config, work)
    print(f"Campaign {number} is a draft. Next: lettershop campaign check {number}")


def throttle(
    which: Which, hourly: Annotated[int, typer.Argument(min=0, help="Messages an hour at most; 0: no limit.")],
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Change how fast a campaign goes, also while it is being sent."""

    async def work(house: House) -> None:
        await house.need_marketing().campaigns.throttle(await number_of(house, which), hourly, by="shell")

    run(config, work)
    print(f"At most {hourly} an hour." if hourly else "No limit of its own.")


def register(commands: typer.Typer) -> None:
    """Add these to the commands of `lettershop campaign`."""
    for command in (schedule, unschedule, repeat, runs, resend, throttle):
        commands.command(command.__name__)(command)
