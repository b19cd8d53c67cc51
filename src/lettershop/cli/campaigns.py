"""`lettershop campaign`: campaigns from the shell."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.app.mail import build_mail
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.cli.media import read_file
from lettershop.cli.queue_show import print_journey
from lettershop.egress.forecast import Forecast
from lettershop.mail.journey import Journey, Journeys
from lettershop.mail.queue import Queue
from lettershop.marketing import campaign_file, compliance
from lettershop.marketing.analytics import report as read_report
from lettershop.marketing.campaigns import Campaigns
from lettershop.marketing.compliance import Finding, NotReady
from lettershop.marketing.report import Report
from lettershop.marketing.subscribers import NoSuchSubscriber
from lettershop.store import campaigns as rows
from lettershop.store import contacts, workspaces
from lettershop.store.campaigns import Campaign
from lettershop.wire.address import Address

commands = typer.Typer(no_args_is_help=True, help="Campaigns: create, check, send, pause, resume, cancel, report.")

Which = Annotated[str, typer.Argument(help="The campaign's name or number.")]


@commands.command("create")
def create(
    file: Annotated[Path, typer.Argument(help="A TOML file; docs/howto/write-a-campaign-file.md describes it.")],
    config: ConfigFile = None,
) -> None:
    """Make a draft from a file."""
    written = campaign_file.read(file)
    files = [(path, read_file(path), inline) for path, inline in written.files]

    async def work(house: House) -> int:
        workspace = await house.first_workspace()
        if written.brand is not None:
            await house.main_db.write(workspaces.ensure_brand, workspace, at=house.clock.now(), **written.brand)
        media = house.need_marketing().media
        kept = [(await media.upload(workspace, path.name, data), inline) for path, data, inline in files]
        draft = replace(written.draft, files=[{"media_id": one.id, "inline": inline} for one, inline in kept])
        return await house.need_marketing().campaigns.create(workspace, draft)

    number = run(config, work)
    print(f"Campaign {number} is a draft. Next: lettershop campaign check {number}")


@commands.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the newest campaigns."""

    async def work(house: House) -> list[Campaign]:
        return await house.main_db.read(rows.page, await house.first_workspace())

    found = run(config, work)
    if as_json:
        print_json(
            [
                {"id": c.id, "name": c.name, "state": c.state, "subject": c.subject, "recipients": c.recipients}
                for c in found
            ]
        )
        return
    table = [(c.id, c.name, c.state, c.recipients, c.subject) for c in found]
    print_rows(
        "Campaigns", ["number", "name", "state", "recipients", "subject"], table,
        "No campaign yet. Make one with: lettershop campaign create FILE",
    )  # fmt: skip


@commands.command("check")
def check(which: Which, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say what keeps a campaign from being sent, and what may harm it; exit code 1 if it may not be sent."""

    async def work(house: House) -> list[Finding]:
        return await house.need_marketing().campaigns.check(await number_of(house, which))

    findings = run(config, work)
    if as_json:
        print_json(compliance.describe(findings))
    else:
        print_findings(findings)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@commands.command("test")
def test(
    which: Which,
    to: Annotated[list[str], typer.Argument(help="Who gets the test; up to ten addresses.")],
    subscriber: Annotated[
        str, typer.Option("--as", help="Made for this subscriber; without it, with the fall-backs.")
    ] = "",
    config: ConfigFile = None,
) -> None:
    """Send a test: marked as such, nothing is counted; a running `lettershop serve` delivers it."""

    async def work(house: House) -> list[str]:
        workspace, number = await house.first_workspace(), await number_of(house, which)
        contact = await _subscriber(house, workspace, subscriber) if subscriber else None
        trials = house.need_marketing().trials(house, build_mail(house).submission)
        return await trials.send(workspace, number, to, contact)

    print(f"On its way to {', '.join(run(config, work))}.")


async def _subscriber(house: House, workspace_id: int, address: str) -> int:
    found = await house.main_db.read(contacts.by_key, workspace_id, Address.parse(address).key)
    if found is None:
        raise NoSuchSubscriber(f"There is no subscriber {address}.")
    return found.id


@commands.command("send")
def send(which: Which, config: ConfigFile = None) -> None:
    """Start a campaign; a running `lettershop serve` sends it."""
    try:
        _act(which, config, lambda campaigns, number: campaigns.start(number, by="shell"))
    except NotReady as error:
        print_findings(error.findings, to_stderr=True)
        raise
    print("It is being sent.")


@commands.command("pause")
def pause(which: Which, config: ConfigFile = None) -> None:
    """Stop sending for now; within a second."""
    _act(which, config, lambda campaigns, number: campaigns.pause(number, by="shell"))
    print("It is paused.")


@commands.command("resume")
def resume(which: Which, config: ConfigFile = None) -> None:
    """Go on sending: after a pause, or at full speed where a circuit breaker slowed it down."""
    _act(which, config, lambda campaigns, number: campaigns.resume(number, by="shell"))
    print("It goes on.")


@commands.command("cancel")
def cancel(which: Which, config: ConfigFile = None) -> None:
    """Stop for good; who has not got it yet does not get it."""
    _act(which, config, lambda campaigns, number: campaigns.cancel(number, by="shell"))
    print("It is cancelled.")


@commands.command("journey")
def journey(
    which: Which, address: Annotated[str, typer.Argument(help="The recipient.")], config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Tell what happened to one recipient's message: attempts with answers, delivery, openings, clicks, replies, bounces."""

    async def work(house: House) -> Journey:
        queue = Queue(house.main_db, house.clock)
        number = await number_of(house, which)
        return await Journeys(house.main_db, house.mail_db, queue, house.clock).of_recipient(number, address)

    print_journey(run(config, work), as_json=as_json)


@commands.command("report")
def report(which: Which, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print what became of a campaign."""

    async def work(house: House) -> tuple[Report, Forecast | None]:
        number = await number_of(house, which)
        found = await house.main_db.read(read_report, number)
        return found, await house.need_marketing().forecasts.of(number) if found.finished_at is None else None

    found, ahead = run(config, work)
    if as_json:
        print_json({**asdict(found), "forecast": ahead})
        return
    of_sent = [
        ("delivered", found.delivered),
        ("bounced, hard", found.bounced_hard),
        ("bounced, soft", found.bounced_soft),
    ]
    of_delivered = [
        ("opened by people", found.opened), ("opened by machines", found.opened_by_machine), ("clicked", found.clicked),
        ("replied", found.replied), ("unsubscribed", found.unsubscribed), ("complained", found.complained),
    ]  # fmt: skip
    plain = [
        ("recipients", found.recipients),
        ("sent", found.sent),
        ("waiting", found.waiting),
        ("withheld", found.withheld),
    ]
    table = [
        *((name, count, "") for name, count in plain),
        *((name, count, f"{count / found.sent:.1%} of sent" if found.sent else "") for name, count in of_sent),
        *((name, count, f"{found.rate(count):.1%} of delivered") for name, count in of_delivered),
    ]
    print_rows(f"{found.name} ({found.state})", ["", "people", ""], table, "")
    if ahead is not None and ahead.waiting:
        print(f"\n{_when(ahead)}")
    links = [(link.people, link.machine_hits, link.url) for link in found.links]
    for breaker in found.breakers:
        print(f"\n{breaker.words}\nGo on with: lettershop campaign resume {found.campaign_id}")
    print_rows("\nLinks", ["people", "by machines", "link"], links, "\nNo tracked links.")


@commands.command("forecast")
def forecast(which: Which, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say when a campaign will be done, by receiver, and what holds it back; a draft as if it were started now."""

    async def work(house: House) -> Forecast:
        return await house.need_marketing().forecasts.of(await number_of(house, which))

    found = run(config, work)
    if as_json:
        print_json(found)
        return
    print(_when(found))
    rows = [
        (site.site, f"{site.waiting:,}", _moment(site.earliest), _moment(site.latest), f"{site.held_by}: {site.words}")
        for site in found.sites
    ]
    print_rows("", ["receiver", "waiting", "not before", "not after", "held by"], rows, "")


def _when(found: Forecast) -> str:
    if found.latest is None:
        return f"When it will be done: unknown. {found.words}"
    return f"Done between {_moment(found.earliest)} and {_moment(found.latest)}. {found.words}"


def _moment(at: float | None) -> str:
    return "unknown" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _act(which: str, config: Path | None, action: Callable[[Campaigns, int], Awaitable[None]]) -> None:
    async def work(house: House) -> None:
        await action(house.need_marketing().campaigns, await number_of(house, which))

    run(config, work)


async def number_of(house: House, which: str) -> int:
    """The campaign that is meant; raises NotFound."""
    return (await house.need_marketing().campaigns.find(await house.first_workspace(), which)).id


def print_findings(findings: list[Finding], *, to_stderr: bool = False) -> None:
    """What the check found, errors first."""
    stream = sys.stderr if to_stderr else sys.stdout
    for finding in sorted(findings, key=lambda finding: finding.severity):
        print(f"{finding.severity}: {finding.words} {finding.remedy} [{finding.code}]", file=stream)
    if not findings:
        print("Nothing stands in its way.", file=stream)
