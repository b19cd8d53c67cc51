"""`lettershop webhook`: addresses that are told what happens."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.base.errors import Invalid
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.servers.web.api.moments import told
from lettershop.store.webhook_deliveries import Delivery
from lettershop.store.webhooks import Webhook

commands = typer.Typer(no_args_is_help=True, help="Addresses that are told what happens.")

Workspace = Annotated[str, typer.Option(help="The workspace; without it, the first one.")]
Number = Annotated[int, typer.Argument(help="The webhook's number.", min=1)]


async def _workspace(house: House, name: str) -> int:
    return await house.ensure_workspace(name) if name else await house.first_workspace()


@commands.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Who is told.")],
    url: Annotated[str, typer.Argument(help="https://…")],
    event: Annotated[
        list[str] | None, typer.Option(help="A kind of event, such as Bounced; may be repeated. None: all.")
    ] = None,
    config: ConfigFile = None,
    workspace: Workspace = "",
    as_json: AsJson = False,
) -> None:
    """Tell an address what happens from now on; prints the secret that signs, this once."""
    kinds = [one for given in event or () for one in given.split(",") if one]

    async def work(house: House) -> Webhook:
        owner = await _workspace(house, workspace)
        return await house.webhooks.create(owner, name, url, kinds, by="command line")

    made = run(config, work)
    if as_json:
        print_json({**_described(made, 0), "secret": made.secret})
        return
    print(f"Webhook {made.id} tells {made.url}. Its secret:")
    print(made.secret)


@commands.command("list")
def list_(config: ConfigFile = None, workspace: Workspace = "", as_json: AsJson = False) -> None:
    """List the webhooks, without their secrets."""

    async def work(house: House) -> list[tuple[Webhook, int]]:
        found = await house.webhooks.page(await _workspace(house, workspace), limit=1000)
        waiting = await house.webhooks.waiting([one.id for one in found])
        return [(one, waiting.get(one.id, 0)) for one in found]

    found = run(config, work)
    if as_json:
        print_json([_described(hook, waiting) for hook, waiting in found])
        return
    rows = [(one.id, one.name, one.url, " ".join(one.kinds) or "all", _state(one), waiting) for one, waiting in found]
    print_rows(
        "Webhooks", ["id", "name", "address", "events", "state", "waiting"], rows,
        "No webhook yet. Make one with: lettershop webhook add NAME https://…",
    )  # fmt: skip


@commands.command("remove")
def remove(webhook: Number, config: ConfigFile = None, workspace: Workspace = "") -> None:
    """Tell an address nothing more."""

    async def work(house: House) -> None:
        await house.webhooks.remove(await _workspace(house, workspace), webhook)

    run(config, work)
    print(f"Webhook {webhook} is removed.")


@commands.command("secret")
def secret(
    webhook: Number,
    hours: Annotated[float, typer.Option(help="How long the old one signs beside it.", min=0, max=168)] = 24.0,
    config: ConfigFile = None,
    workspace: Workspace = "",
) -> None:
    """Give a webhook another secret and print it, this once."""

    async def work(house: House) -> Webhook:
        return await house.webhooks.rotate(await _workspace(house, workspace), webhook, overlap=hours * 3600)

    print(run(config, work).secret)


@commands.command("on")
def on(webhook: Number, config: ConfigFile = None, workspace: Workspace = "") -> None:
    """Turn a webhook on; it hears what happens from then on."""
    _switch(config, workspace, webhook, active=True)
    print(f"Webhook {webhook} is on. What it missed: lettershop webhook replay {webhook} --since …")


@commands.command("off")
def off(webhook: Number, config: ConfigFile = None, workspace: Workspace = "") -> None:
    """Turn a webhook off."""
    _switch(config, workspace, webhook, active=False)
    print(f"Webhook {webhook} is off.")


def _switch(config: ConfigFile, workspace: str, webhook: int, *, active: bool) -> None:
    async def work(house: House) -> None:
        await house.webhooks.change(await _workspace(house, workspace), webhook, {"active": active})

    run(config, work)


@commands.command("test")
def test(webhook: Number, config: ConfigFile = None, workspace: Workspace = "") -> None:
    """Have the running server send an event of the kind Test."""

    async def work(house: House) -> Delivery:
        return await house.webhooks.test(await _workspace(house, workspace), webhook)

    run(config, work)
    print(f"A test is on its way. What came of it: lettershop webhook deliveries {webhook}")


@commands.command("deliveries")
def deliveries(
    webhook: Number,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 20,
    config: ConfigFile = None,
    workspace: Workspace = "",
    as_json: AsJson = False,
) -> None:
    """What became of the last events."""

    async def work(house: House) -> Sequence[Delivery]:
        return await house.webhooks.deliveries(await _workspace(house, workspace), webhook, limit=limit)

    found = run(config, work)
    if as_json:
        print_json([{**_delivered(one), "answer": one.answer} for one in found])
        return
    rows = [
        (one.id, told(one.happened_at), one.kind, one.state_name, one.attempts, one.status, one.answer[:60])
        for one in found
    ]
    print_rows("Deliveries", ["id", "happened", "event", "state", "tries", "status", "answer"], rows, "Nothing yet.")


@commands.command("replay")
def replay(
    webhook: Number,
    delivery: Annotated[int | None, typer.Option(help="One delivery, by its number.", min=1)] = None,
    since: Annotated[str, typer.Option(help="Everything from this moment on: 2026-11-23 or 2026-11-23T08:00Z.")] = "",
    until: Annotated[str, typer.Option(help="… up to this one; without it, up to now.")] = "",
    config: ConfigFile = None,
    workspace: Workspace = "",
) -> None:
    """Tell again: one event, or what happened in a range of time. The ids stay as they were."""
    if (delivery is None) == (not since):
        raise Invalid("Say which: --delivery NUMBER, or --since MOMENT.", code="webhook-range")
    begin, end = _moment(since) if since else 0.0, _moment(until) if until else None

    async def work(house: House) -> None:
        owner = await _workspace(house, workspace)
        if delivery is not None:
            await house.webhooks.again(owner, webhook, delivery)
        else:
            await house.webhooks.replay(owner, webhook, since=begin, until=end)

    run(config, work)
    print("The running server sends it again.")


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is no moment.", code="moment", remedy="Write it like 2026-11-23T08:00Z.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _state(hook: Webhook) -> str:
    if not hook.active:
        return f"off: {hook.off_why}" if hook.off_why else "off"
    return f"fails since {told(hook.failing_since)}" if hook.failing_since else "on"


def _described(hook: Webhook, waiting: int) -> dict[str, object]:
    names = ("id", "name", "url", "active", "off_why", "created_by")
    times = {name: told(getattr(hook, name)) for name in ("created_at", "delivered_at", "failing_since")}
    return {**{name: getattr(hook, name) for name in names}, "events": hook.kinds, "waiting": waiting, **times}


def _delivered(one: Delivery) -> dict[str, object]:
    names = ("id", "event_id", "kind", "attempts", "status")
    times = {name: told(getattr(one, name)) for name in ("happened_at", "tried_at")}
    return {**{name: getattr(one, name) for name in names}, "state": one.state_name, **times}
