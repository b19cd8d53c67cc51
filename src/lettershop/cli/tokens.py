"""`lettershop token`: tokens for the API."""

from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.mail.api_tokens import MadeToken
from lettershop.servers.web.api.moments import told
from lettershop.store.api_tokens import ApiToken

commands = typer.Typer(no_args_is_help=True, help="Tokens for the API.")

Workspace = Annotated[str, typer.Option(help="The workspace; without it, the first one.")]


async def _workspace(house: House, name: str) -> int:
    return await house.ensure_workspace(name) if name else await house.first_workspace()


@commands.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What will use it.")],
    scope: Annotated[
        list[str],
        typer.Option(help="all, read, write, or a resource such as campaigns or subscribers:read; may be repeated."),
    ],
    config: ConfigFile = None,
    workspace: Workspace = "",
    days: Annotated[int | None, typer.Option(help="Days until it expires; without it, never.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once."""
    scopes = [one for given in scope for one in given.split(",") if one]

    async def work(house: House) -> MadeToken:
        expires = house.clock.now() + days * 86_400 if days else None
        return await house.api_tokens.create(
            await _workspace(house, workspace), name, scopes, by="command line", expires_at=expires
        )

    made = run(config, work)
    if as_json:
        print_json({"token": made.secret, **_described(made.token)})
        return
    print(made.secret)


@commands.command("list")
def list_(config: ConfigFile = None, workspace: Workspace = "", as_json: AsJson = False) -> None:
    """List the tokens, without their secrets."""

    async def work(house: House) -> list[ApiToken]:
        return list(await house.api_tokens.page(await _workspace(house, workspace), limit=1000))

    found = run(config, work)
    if as_json:
        print_json([_described(token) for token in found])
        return
    rows = [
        (
            token.id,
            token.name,
            " ".join(token.scopes),
            told(token.used_at) or "never",
        )
        for token in found
    ]
    print_rows(
        "Tokens",
        ["id", "name", "scopes", "last used"],
        rows,
        "No token yet. Make one with: lettershop token create NAME --scope all",
    )


@commands.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name or number.")],
    config: ConfigFile = None,
    workspace: Workspace = "",
) -> None:
    """End a token at once."""

    async def work(house: House) -> None:
        workspace_id = await _workspace(house, workspace)
        await house.api_tokens.revoke(workspace_id, (await house.api_tokens.find(workspace_id, name)).id)

    run(config, work)
    print(f"The token {name} is revoked.")


def _described(token: ApiToken) -> dict[str, object]:
    times = {name: told(getattr(token, name)) for name in ("created_at", "used_at", "expires_at")}
    return {"id": token.id, "name": token.name, "scopes": token.scopes, "created_by": token.created_by, **times}
