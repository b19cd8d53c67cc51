"""`lettershop account`: people who have mail here (IMAP, POP3, submission)."""

import sys
from typing import Annotated

import typer

from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run

commands = typer.Typer(no_args_is_help=True, help="Mail accounts: IMAP, POP3 and submission.")

Address = Annotated[str, typer.Argument(help="The address, like anna@brand.example.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def read_password(from_stdin: bool) -> str:
    """The password, from standard input or asked for twice."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@commands.command("add")
def add(
    address: Address,
    config: ConfigFile = None,
    password_stdin: FromStdin = False,
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    quota: Annotated[int | None, typer.Option(help="Most bytes of mail.", show_default="no limit")] = None,
) -> None:
    """Add an account."""
    password = read_password(password_stdin)
    account = run(config, lambda house: house.accounts.add(address, password, name=name, quota=quota))
    print(f"{account.address} can log in now.")


@commands.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the accounts."""
    found = run(config, lambda house: house.accounts.list())
    if as_json:
        print_json(
            [
                {
                    "address": a.address,
                    "name": a.name,
                    "quota": a.quota_bytes,
                    "used": a.used_bytes,
                    "disabled": a.disabled,
                }
                for a in found
            ]
        )
        return
    rows = [
        (a.address, a.name, f"{a.used_bytes / 1e6:.1f} MB", f"{a.quota_bytes / 1e6:.1f} MB" if a.quota_bytes else "")
        for a in found
    ]
    print_rows(
        "Accounts",
        ["address", "name", "used", "quota"],
        rows,
        "No account yet. Add one with: lettershop account add ADDRESS",
    )


@commands.command("password")
def password_(address: Address, config: ConfigFile = None, password_stdin: FromStdin = False) -> None:
    """Change a password."""
    password = read_password(password_stdin)
    run(config, lambda house: house.accounts.set_password(address, password))
    print(f"The password of {address} is changed.")


@commands.command("alias")
def alias(
    alias: Annotated[str, typer.Argument(help='The other address, or "@domain" for all that nobody else takes.')],
    address: Address,
    config: ConfigFile = None,
) -> None:
    """Give an account another address."""
    run(config, lambda house: house.accounts.alias(alias, address))
    print(f"Mail for {alias} goes to {address}.")


@commands.command("remove")
def remove(
    address: Address, config: ConfigFile = None, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove an account with all its mail."""
    if not yes:
        typer.confirm(f"Remove {address} and all its mail? This cannot be undone.", abort=True)
    run(config, lambda house: house.accounts.remove(address))
    print(f"{address} is removed.")
