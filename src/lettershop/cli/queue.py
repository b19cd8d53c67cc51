"""`lettershop queue`: what waits to be delivered, why, and what to do about it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.mail.queue import Queue
from lettershop.mail.sites import Sites
from lettershop.store.queue import Waiting

commands = typer.Typer(no_args_is_help=True, help="The queue: what waits, and why.")

Number = Annotated[int, typer.Argument(help="The envelope's number.")]


@commands.command("list")
def list_(
    site: Annotated[str | None, typer.Option(help="Only this recipient domain.")] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1)] = 100,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what is queued or being tried."""
    found = run(config, lambda house: _queue(house).waiting(site=site, limit=limit))
    if as_json:
        print_json(found)
        return
    rows = [
        (w.envelope_id, w.address or f"contact {w.contact_id}", w.site, w.attempts, _time(w.due_at), w.answer)
        for w in found
    ]
    print_rows("Queue", ["number", "to", "site", "attempts", "next try", "last answer"], rows, "The queue is empty.")


@commands.command("show")
def show(number: Number, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one envelope with its last answer."""
    found = run(config, lambda house: _queue(house).show(number))
    if as_json:
        print_json(found)
        return
    print_rows(f"Envelope {number}", ["", ""], _details(found), "")


@commands.command("retry")
def retry(number: Number, config: ConfigFile = None) -> None:
    """Try an envelope now."""
    count = run(config, lambda house: _queue(house).retry(number))
    print("It is due now." if count else "It is being tried, or due already.")


@commands.command("remove")
def remove(number: Number, config: ConfigFile = None) -> None:
    """Take an envelope out of the queue for good."""
    count = run(config, lambda house: _queue(house).remove(number))
    print("It is removed." if count else "It is being tried just now; try again in a moment.")


@commands.command("sites")
def sites(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List receivers' sites by source address: connections, window, rate, what waits, what is suspended and why."""
    found = run(config, lambda house: _sites(house).standings())
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.site, one.source or "any", one.queued, f"{one.connections} of {one.window}, most {one.limit}",
            f"{one.per_minute:,.0f} a minute" if one.per_minute else "", f"{one.speed:,.1f}",
            _time(one.suspended_until or one.rests_until) if one.suspended_until or one.rests_until else "", one.why,
        )
        for one in found
    ]  # fmt: skip
    columns = ["site", "source", "waiting", "connections", "limited to", "a second", "closed until", "why"]
    print_rows("Sites", columns, rows, "Nothing was sent yet.")


@commands.command("resume")
def resume(
    site: Annotated[str, typer.Argument(help="The site, as `queue sites` calls it.")],
    source: Annotated[str | None, typer.Option(help="Only this source address.")] = None,
    config: ConfigFile = None,
) -> None:
    """End the suspension of a site before its time, once its cause is mended."""
    count = run(config, lambda house: _sites(house).resume(site, source))
    print(f"{count} resumed; the workers notice within seconds.")


def _sites(house: House) -> Sites:
    return Sites(house.main_db, house.clock)


def _queue(house: House) -> Queue:
    return Queue(house.main_db, house.clock)


def _details(found: Waiting) -> Sequence[tuple[str, object]]:
    return [
        ("to", found.address or f"contact {found.contact_id} of campaign {found.campaign_id}"), ("from", found.mail_from),
        ("site", found.site), ("state", found.state), ("attempts", found.attempts), ("since", _time(found.created_at)),
        ("next try", _time(found.due_at)), ("given up", _time(found.expires_at)), ("last answer", found.answer),
    ]  # fmt: skip


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
