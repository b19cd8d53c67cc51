"""The tree of commands. Those of marketing are there only with the package marketing/."""

from importlib.util import find_spec

import typer

from lettershop.cli import (
    accounts,
    audit,
    domains,
    init,
    inspect,
    queue,
    route,
    serve,
    shaping,
    simulate,
    suppression,
    tokens,
    users,
    warmup,
    webhooks,
)

program = typer.Typer(
    name="lettershop",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Mail server, bulk mail transfer agent and email marketing in one program.",
)
program.command("init")(init.init)
program.command("serve")(serve.serve)
program.command("inspect")(inspect.inspect)
program.command("simulate")(simulate.simulate)
program.add_typer(domains.commands, name="domain")
program.add_typer(accounts.commands, name="account")
program.add_typer(users.commands, name="user")
program.add_typer(tokens.commands, name="token")
program.add_typer(queue.commands, name="queue")
program.add_typer(webhooks.commands, name="webhook")
program.command("shaping")(shaping.shaping)
program.command("route")(route.route)
program.command("audit")(audit.audit)
program.add_typer(warmup.commands, name="warmup")
program.add_typer(suppression.commands, name="suppression")

if find_spec("lettershop.marketing") is not None:
    from lettershop.cli import audience, blocks, campaign_times, campaigns, demo, media, privacy, reports, segments

    program.command("demo")(demo.demo)
    program.add_typer(audience.commands, name="audience")
    program.add_typer(segments.commands, name="segment")
    program.add_typer(campaigns.commands, name="campaign")
    program.add_typer(media.commands, name="media")
    program.add_typer(blocks.commands, name="block")
    campaign_times.register(campaigns.commands)
    program.add_typer(privacy.commands, name="privacy")
    program.add_typer(reports.commands, name="report")
