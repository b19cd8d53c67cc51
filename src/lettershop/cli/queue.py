"""`lettershop queue`: what waits to be delivered, why, and what to do about it; one message, or all that fit."""

from typing import Annotated, Literal

import typer

from lettershop.app.house import House
from lettershop.base.errors import Invalid
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.cli.queue_show import print_journey, shown, time
from lettershop.mail.expiry import span
from lettershop.mail.journey import Journey, Journeys
from lettershop.mail.queue import Act, Queue
from lettershop.mail.sites import Sites
from lettershop.store.queue import Filter, Fitting, Waiting

commands = typer.Typer(no_args_is_help=True, help="The queue: what waits, and why.")

Numbers = Annotated[list[int] | None, typer.Argument(help="The envelopes' numbers; or options that say which.")]
Site = Annotated[str | None, typer.Option(help="Only this recipient domain.")]
Campaign = Annotated[int | None, typer.Option(help="Only this campaign, by number.")]
State = Annotated[
    Literal["queued", "waiting", "held", "leased"] | None,
    typer.Option(help="queued: not tried yet; waiting: put off; held: by an operator; leased: being tried."),
]
Sender = Annotated[str, typer.Option("--from", help="Only from this address, or this domain.")]
Recipient = Annotated[str, typer.Option("--to", help="Only to addresses that hold this.")]
Older = Annotated[str, typer.Option("--older-than", help="Only what was handed over so long ago: 90m, 4h, 2d.")]
Everything = Annotated[bool, typer.Option("--all", help="The whole queue.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _filter(
    numbers: list[int] | None, site: str | None, campaign: int | None, state: str | None, sender: str, recipient: str,
    older: str,
) -> Filter:  # fmt: skip
    seconds = span(older) if older else None
    if older and seconds is None:
        raise Invalid(f"{older} is no time.", remedy="Write it as 90m, 4h or 2d.")
    return Filter(
        site=site, campaign_id=campaign, state=state or "", sender=sender, recipient=recipient, older_than=seconds,
        ids=tuple(numbers or ()),
    )  # fmt: skip


@commands.command("list")
def list_(
    site: Site = None, campaign: Campaign = None, state: State = None, sender: Sender = "", recipient: Recipient = "",
    older: Older = "",
    limit: Annotated[int, typer.Option(help="How many.", min=1)] = 100,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List what is queued or being tried: since when, until when, and why."""
    which = _filter(None, site, campaign, state, sender, recipient, older)

    async def work(house: House) -> list[tuple[Waiting, str]]:
        found = await _queue(house).waiting(which, limit=limit)
        return list(zip(found, await _queue(house).whys(found), strict=True))

    found = run(config, work)
    if as_json:
        print_json([shown(one, why) for one, why in found])
        return
    rows = [
        (one.envelope_id, one.address or f"contact {one.contact_id}", one.site, one.state, one.attempts, time(one.created_at),
         time(one.expires_at), why)
        for one, why in found
    ]  # fmt: skip
    columns = ["number", "to", "site", "state", "attempts", "since", "until", "why"]
    print_rows("Queue", columns, rows, "The queue is empty." if which.whole else "Nothing in the queue fits.")


@commands.command("count")
def count(
    site: Site = None, campaign: Campaign = None, state: State = None, sender: Sender = "", recipient: Recipient = "",
    older: Older = "", config: ConfigFile = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Count what is queued or being tried."""
    which = _filter(None, site, campaign, state, sender, recipient, older)
    found = run(config, lambda house: _queue(house).count(which))
    if as_json:
        print_json(found)
    else:
        print(_words(found))


@commands.command("show")
def show(
    number: Annotated[int, typer.Argument(help="The envelope's number.")], config: ConfigFile = None, as_json: AsJson = False
) -> None:  # fmt: skip
    """Show one message: why it waits, what happened to it, and the whole dialogue of its last attempt if that failed."""

    async def work(house: House) -> Journey:
        return await Journeys(house.main_db, house.mail_db, _queue(house), house.clock).of_envelope(number)

    print_journey(run(config, work), as_json=as_json)


@commands.command("retry")
def retry(
    numbers: Numbers = None, site: Site = None, campaign: Campaign = None, state: State = None, sender: Sender = "",
    recipient: Recipient = "", older: Older = "", everything: Everything = False, yes: Yes = False,
    config: ConfigFile = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Try messages now. What is held stays held."""
    which = _filter(numbers, site, campaign, state, sender, recipient, older)
    _act("retry", which, everything, yes, config, as_json)


@commands.command("remove")
def remove(
    numbers: Numbers = None, site: Site = None, campaign: Campaign = None, state: State = None, sender: Sender = "",
    recipient: Recipient = "", older: Older = "", everything: Everything = False, yes: Yes = False,
    config: ConfigFile = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Take messages out of the queue for good; senders are told."""
    which = _filter(numbers, site, campaign, state, sender, recipient, older)
    _act("remove", which, everything, yes, config, as_json)


@commands.command("hold")
def hold(
    numbers: Numbers = None, site: Site = None, campaign: Campaign = None, state: State = None, sender: Sender = "",
    recipient: Recipient = "", older: Older = "", everything: Everything = False, yes: Yes = False,
    config: ConfigFile = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Keep messages from being sent until they are released; their time stands still."""
    which = _filter(numbers, site, campaign, state, sender, recipient, older)
    _act("hold", which, everything, yes, config, as_json)


@commands.command("release")
def release(
    numbers: Numbers = None, site: Site = None, campaign: Campaign = None, state: State = None, sender: Sender = "",
    recipient: Recipient = "", older: Older = "", everything: Everything = False, yes: Yes = False,
    config: ConfigFile = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """End the hold of messages."""
    which = _filter(numbers, site, campaign, state, sender, recipient, older)
    _act("release", which, everything, yes, config, as_json)


@commands.command("move")
def move(
    numbers: Numbers = None, site: Site = None, campaign: Campaign = None, state: State = None, sender: Sender = "",
    recipient: Recipient = "", older: Older = "",
    route: Annotated[str, typer.Option("--to-route", help="Send by the route of this domain.")] = "",
    pool: Annotated[str, typer.Option("--to-pool", help="Send from this pool of source addresses.")] = "",
    everything: Everything = False, yes: Yes = False, config: ConfigFile = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Move messages to another route (as if they were for another domain) or to another pool of source addresses."""
    which = _filter(numbers, site, campaign, state, sender, recipient, older)
    fitting = _asked("move", which, everything, yes, config)
    changed = run(config, lambda house: _queue(house).move(which, route=route, pool=pool))
    _tell(changed, fitting, as_json)


def _act(act: Act, which: Filter, everything: bool, yes: bool, config: ConfigFile, as_json: bool) -> None:
    fitting = _asked(act, which, everything, yes, config)
    _tell(run(config, lambda house: _queue(house).act(act, which)), fitting, as_json)


def _asked(act: str, which: Filter, everything: bool, yes: bool, config: ConfigFile) -> Fitting:
    """How many it will be; where they are not named one by one, the person says yes first."""
    if which.whole and not everything:
        raise Invalid("Which messages?", remedy="Name numbers or options, or say --all.")
    fitting = run(config, lambda house: _queue(house).count(which))
    if not (yes or which.ids) and fitting.touched:
        print(_words(fitting))
        typer.confirm(f"{act.capitalize()} {fitting.touched:,}?", abort=True)
    return fitting


def _tell(changed: int, fitting: Fitting, as_json: bool) -> None:
    if as_json:
        print_json({"changed": changed, "fitting": fitting})
        return
    busy = (
        f" {fitting.leased:,} are being tried, or will be in a moment: they are left alone." if fitting.leased else ""
    )
    print(f"{changed:,} of {fitting.touched:,} changed.{busy}")


def _words(found: Fitting) -> str:
    since = f", the oldest since {time(found.oldest)}" if found.oldest is not None else ""
    return f"{found.queued:,} wait, {found.held:,} are held, {found.leased:,} are being tried{since}."


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
            time(one.suspended_until or one.rests_until) if one.suspended_until or one.rests_until else "", one.why,
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
    return Queue(house.main_db, house.clock, pools=house.config.delivery.pools)
