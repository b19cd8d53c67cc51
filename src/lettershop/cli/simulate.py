"""`lettershop simulate`: how long a campaign takes against modelled receivers, and where it would be blocked; drawn in the terminal."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lettershop.cli.context import AsJson, ConfigFile, print_json, read_config
from lettershop.egress.shaping_file import load as load_shaping
from lettershop.simulate.result import ReceiverResult, Result
from lettershop.simulate.run import Simulation
from lettershop.simulate.scenario import Scenario, load, shipped, shipped_text

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 48
EVENTS = 12

Which = Annotated[str, typer.Argument(help="A scenario that ships with the program, or a TOML file.")]
Recipients = Annotated[int | None, typer.Option(help="So many people instead of the scenario's.", min=1)]
Speed = Annotated[float | None, typer.Option(help="Messages a second that this machine signs.", min=0.1)]


def simulate(
    which: Which = "newsletter",
    recipients: Recipients = None,
    speed: Speed = None,
    listed: Annotated[bool, typer.Option("--list", help="Name the scenarios that ship with the program.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send to modelled receivers on a virtual clock, with the scheduling and shaping that really sends, and draw how it goes."""
    if listed:
        for name in shipped():
            print(f"{name}: {load(shipped_text(name)).about}")
        return
    path = Path(which)
    text = path.read_text("utf-8") if path.suffix == ".toml" and path.exists() else shipped_text(which)
    scenario = load(text, source=which, recipients=recipients, speed=speed)
    shaping = load_shaping(read_config(config).delivery)
    console = Console(stderr=True)
    with console.status("") as status:

        def progress(now: float, settled: int) -> None:
            status.update(f"{_span(now)} of the campaign: {settled:,} of {scenario.recipients:,} settled")

        found = Simulation(scenario, shaping, progress=None if as_json else progress).run()
    if as_json:
        print_json(_plain(found))
    else:
        draw(found, scenario, Console())


def _plain(found: Result) -> dict[str, Any]:
    """As JSON; delivered by the minute as pairs."""
    plain = asdict(found)
    for receiver, told in zip(plain["receivers"], found.receivers, strict=True):
        receiver["waiting"] = told.waiting
        receiver["minutes"] = sorted(told.minutes.items())
    return plain


def draw(found: Result, scenario: Scenario, console: Console) -> None:
    """A line for each receiver with its curve; then what was told on the way, and the warm-up."""
    end = "took" if found.done else "was broken off after"
    console.print(f"[bold]{found.name}[/bold]: {scenario.about}")
    console.print(f"{found.recipients:,} people; it {end} [bold]{_span(found.seconds)}[/bold]. {found.stopped}")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("receiver", "people", "delivered", "bounced", "given up", "put off", "done after"):
        table.add_column(heading, justify="left" if heading == "receiver" else "right")
    table.add_column(f"delivered over {_span(found.seconds)}", no_wrap=True)
    for receiver in sorted(found.receivers, key=lambda one: -(one.last or 0.0)):
        table.add_row(
            receiver.name, f"{receiver.recipients:,}", f"{receiver.delivered:,}", f"{receiver.bounced:,}",
            f"{receiver.given_up:,}", f"{receiver.deferred:,}", _span(receiver.last) if receiver.last else "never",
            curve(receiver, found.seconds),
        )  # fmt: skip
    console.print(table)
    for event in found.events[:EVENTS]:
        console.print(f"[yellow]{_span(event.at)}[/yellow] {event.receiver}: {event.words}", highlight=False)
    if len(found.events) > EVENTS:
        console.print(f"… and {len(found.events) - EVENTS:,} more like these.")
    if found.warmup:
        _draw_warmup(found, console)


def _draw_warmup(found: Result, console: Console) -> None:
    first = found.warmup[0].day
    largest = {day.site for day in sorted(found.warmup, key=lambda day: -day.sent)[:3]}
    table = Table(title="Warm-up", title_justify="left", box=None, header_style="bold", pad_edge=False)
    for heading in ("day", "site", "room", "sent", ""):
        table.add_column(heading)
    for day in found.warmup:
        if day.site in largest:
            table.add_row(str(day.day - first + 1), day.site, f"{day.room:,}", f"{day.sent:,}", day.why)
    console.print(table)


def curve(receiver: ReceiverResult, seconds: float) -> str:
    """Deliveries over time in blocks, the highest is the busiest moment."""
    columns = [0] * WIDTH
    for minute, count in receiver.minutes.items():
        columns[min(WIDTH - 1, int(minute * 60 / max(seconds, 60.0) * WIDTH))] += count
    most = max(columns) or 1
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in columns)


def _span(seconds: float) -> str:
    """Seconds in the two largest units."""
    for size, unit, less, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} {int(seconds % size // less)} {small}"
    return f"{seconds:.0f} s"
