"""`lettershop audit`: who did what, newest first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.store.audit import Noted


def audit(
    actor: Annotated[str, typer.Option(help="Only acts of those whose name contains this.")] = "",
    action: Annotated[str, typer.Option(help="Only acts whose name contains this, such as DELETE or campaign.")] = "",
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=10_000)] = 50,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Who did what: through the API, on the screens, in the shell. Newest first."""

    async def work(house: House) -> Sequence[Noted]:
        owner = await house.first_workspace()
        return await house.audit.page(owner, operator=True, limit=limit, actor=actor, action=action)

    found = run(config, work)
    if as_json:
        print_json([{"id": one.id, **{name: getattr(one.act, name) for name in one.act.__slots__}} for one in found])
        return
    rows = [
        (_when(one.act.at), one.act.door, one.act.actor, one.act.action, one.act.target, one.act.ip) for one in found
    ]
    print_rows(
        "Who did what", ("when (UTC)", "where", "who", "what", "to what", "from"), rows, "Nobody did anything yet."
    )


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
