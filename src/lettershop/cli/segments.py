"""`lettershop segment`: who a condition selects; conditions under a name."""

from collections.abc import Sequence
from typing import Annotated

import orjson
import typer

from lettershop.app.house import House
from lettershop.base.errors import NotFound
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.marketing.audience import Preview
from lettershop.marketing.segment_desk import Expression, Segment, tree_from, words_from
from lettershop.marketing.segments import SegmentInvalid

commands = typer.Typer(no_args_is_help=True, help="Segments: people selected by conditions.")

Words = Annotated[
    str, typer.Argument(help="""Like: plan = "pro" and orders > 2 and opened in last 30 days. Or its tree as JSON.""")
]


@commands.callback()
def _group() -> None:
    """Segments: people selected by conditions."""


def _expression(text: str) -> Expression:
    """Words, or JSON if it begins with a brace."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        found: dict[str, object] = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SegmentInvalid("This is no JSON.") from error
    return found


@commands.command("preview")
def preview_(expression: Words, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say how many people a segment has, and show the first few."""

    async def work(house: House) -> Preview:
        workspace = await house.first_workspace()
        return await house.need_marketing().segments.preview(workspace, _expression(expression))

    found = run(config, work)
    if as_json:
        print_json(
            {
                "count": found.count, "expression": words_from(_expression(expression)),
                "tree": tree_from(_expression(expression)),
                "first": [{"email": c.email, "attributes": c.attributes} for c in found.first],
            }
        )  # fmt: skip
        return
    print(f"{found.count} people.")
    rows = [(c.email, c.name, ", ".join(f"{k}={v}" for k, v in list(c.attributes.items())[:5])) for c in found.first]
    print_rows(
        "The first", ["address", "name", "attributes"], rows, "Nobody fits. Check the names of attributes and lists."
    )


@commands.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Its name; other segments say: in segment NAME.")],
    expression: Words,
    config: ConfigFile = None,
) -> None:
    """Save a segment under a name."""

    async def work(house: House) -> Segment:
        return await house.need_marketing().segments.create(
            await house.first_workspace(), name, _expression(expression)
        )

    found = run(config, work)
    print(f"Segment {found.id}: {found.words}")


@commands.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the segments with how many people each has now."""

    async def work(house: House) -> list[tuple[Segment, int]]:
        workspace, segments = await house.first_workspace(), house.need_marketing().segments
        found: Sequence[Segment] = await segments.page(workspace, limit=1000)
        return [(entry, await segments.count(workspace, entry.tree)) for entry in found]

    found = run(config, work)
    if as_json:
        print_json(
            [{"id": s.id, "name": s.name, "expression": s.words, "tree": s.tree, "count": count} for s, count in found]
        )
        return
    rows = [(s.id, s.name, count, s.words) for s, count in found]
    print_rows("Segments", ["id", "name", "people", "conditions"], rows, "No segment is saved yet.")


@commands.command("remove")
def remove(name: Annotated[str, typer.Argument(help="The segment's name.")], config: ConfigFile = None) -> None:
    """Forget a saved segment; refused while another needs it."""

    async def work(house: House) -> None:
        workspace, segments = await house.first_workspace(), house.need_marketing().segments
        found = {entry.name: entry.id for entry in await segments.page(workspace, limit=1000)}
        if name not in found:
            raise NotFound(f"There is no segment {name}.", code="segment-unknown")
        await segments.remove(workspace, found[name])

    run(config, work)
    print(f"Segment {name} is removed.")
