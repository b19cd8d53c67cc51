"""`lettershop shaping`: the receivers' limits that count for a domain."""

from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.app.transport import build_routes
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.egress.shaping import Rule
from lettershop.egress.shaping_file import load
from lettershop.mail.sites import Effective, effective


def shaping(
    domain: Annotated[str, typer.Argument(help="A recipient domain.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the site that takes a domain's mail, and the limits and rules that count there."""
    found = run(config, lambda house: _find(house, domain))
    row = found.row
    figures = {
        "domain": found.domain, "site": found.site, "row": row.name, "label": row.label, "hosts": list(found.hosts),
        "connections": row.connections, "messages_per_connection": row.messages_per_connection,
        "messages_per_minute": row.messages_per_minute, "trouble": found.trouble,
    }  # fmt: skip
    rules = [{"when": _when(rule), "then": _then(rule), "why": rule.why} for rule in row.rules]
    if as_json:
        print_json({**figures, "rules": rules})
        return
    print_rows(f"Limits for {domain}", ["", ""], [(key, _words(value)) for key, value in figures.items() if value], "")
    print_rows("Rules", ["when", "then", "why"], [tuple(rule.values()) for rule in rules], "There are no rules.")


async def _find(house: House, domain: str) -> Effective:
    return await effective(load(house.config.delivery), build_routes(house), domain.lower())


def _words(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) else value


def _when(rule: Rule) -> str:
    what = rule.pattern.pattern if rule.pattern else ", ".join(sorted(rule.reasons))
    return f"{what} ({rule.times} in {rule.within:,.0f} s)" if rule.times > 1 else what


def _then(rule: Rule) -> str:
    parts = ["suspended"] if rule.suspend else []
    parts += [f"{rule.connections} connections"] if rule.connections else []
    parts += [f"{rule.messages_per_minute:,.0f} messages a minute"] if rule.messages_per_minute else []
    return f"{', '.join(parts)} for {rule.seconds:,.0f} s"
