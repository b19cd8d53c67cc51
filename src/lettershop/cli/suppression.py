"""`lettershop suppression`: who must get no more mail, and why."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.mail.suppression_file import REASONS
from lettershop.mail.suppression_list import Imported, SuppressionList
from lettershop.store.suppressions import Suppression

commands = typer.Typer(no_args_is_help=True, help="Who must get no more mail, and why.")

STDOUT = Path("-")

Addresses = Annotated[list[str], typer.Argument(help="Addresses.", metavar="ADDRESS…", show_default=False)]
Reason = Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")]


@commands.command("list")
def list_(
    contains: Annotated[str, typer.Option(help="Only addresses with this in them.", show_default=False)] = "",
    reason: Annotated[str, typer.Option(help="Only with this reason.", show_default=False)] = "",
    after: Annotated[str, typer.Option(help="Only behind this address.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(help="How many.", min=1)] = 100,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List suppressed addresses, with reason and date."""

    async def work(house: House) -> tuple[list[Suppression], dict[str, int]]:
        ledger, workspace = _ledger(house), await house.first_workspace()
        page = await ledger.page(workspace, after=after, contains=contains, reason=reason, limit=limit)
        return page, await ledger.counts(workspace)

    found, counts = run(config, work)
    if as_json:
        print_json([_plain(one) for one in found])
        return
    rows = [(one.email_key, one.reason, _date(one.at), one.detail[:80]) for one in found]
    print_rows("Suppressed", ["address", "reason", "since", "detail"], rows, "Nobody is suppressed.")
    if counts:
        print(", ".join(f"{count} {name}" for name, count in sorted(counts.items())))


@commands.command("add")
def add(
    addresses: Addresses,
    reason: Reason = "manual",
    detail: Annotated[str, typer.Option(help="Why, in words.", show_default=False)] = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Suppress addresses. The first reason and date of an address stay."""

    async def work(house: House) -> int:
        return await _ledger(house).add(await house.first_workspace(), addresses, reason, detail)

    count = run(config, work)
    if as_json:
        print_json({"added": count, "known": len(set(addresses)) - count})
        return
    print(f"{count} added." if count else "Suppressed already.")


@commands.command("remove")
def remove(addresses: Addresses, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Lift suppressions. Only with the person's consent, or where the reason was wrong."""

    async def work(house: House) -> int:
        return await _ledger(house).remove(await house.first_workspace(), addresses)

    count = run(config, work)
    if as_json:
        print_json({"removed": count})
        return
    print(f"{count} removed." if count else "None of them was suppressed.")


@commands.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, also of other products, gzip or not; or an address a line.")],
    reason: Reason = "manual",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Import a suppression list; --reason counts where a row gives none."""

    async def work(house: House) -> Imported:
        return await _ledger(house).take(file, await house.first_workspace(), reason)

    result = run(config, work)
    if as_json:
        print_json(result)
        return
    print(f"{result.added} added, {result.known} were known already, {result.refused} rows could not be read.")
    for row in result.examples:
        print(f"  line {row.line}: {row.reason}")


@commands.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to; “-”: standard output.")] = STDOUT,
    reason: Annotated[str, typer.Option(help="Only with this reason.", show_default=False)] = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Export the suppression list as CSV that `import` reads."""
    if file == STDOUT:
        _export(sys.stdout, reason, config)
        return
    with file.open("w", encoding="utf-8", newline="") as out:
        count = _export(out, reason, config)
    if as_json:
        print_json({"file": str(file), "rows": count})
        return
    print(f"{count} rows in {file}.")


def _export(out: TextIO, reason: str, config: Path | None) -> int:
    async def work(house: House) -> int:
        return await _ledger(house).write(out, await house.first_workspace(), reason)

    return run(config, work)


def _ledger(house: House) -> SuppressionList:
    return SuppressionList(house.main_db, house.clock)


def _plain(one: Suppression) -> dict[str, object]:
    return {
        "address": one.email_key, "reason": one.reason, "since": _date(one.at), "detail": one.detail,
        "campaign": one.campaign_id,
    }  # fmt: skip


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
