"""`lettershop user`: people who log in to the web interface."""

from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.cli.accounts import FromStdin, read_password
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run, user_name

commands = typer.Typer(no_args_is_help=True, help="People who log in to the web interface.")

Email = Annotated[str, typer.Argument(help="The address to log in with.")]


@commands.command("add")
def add(
    email: Email,
    role: Annotated[str, typer.Option(help="owner, admin, marketer, analyst, postmaster or 'inbox agent'.")],
    config: ConfigFile = None,
    password_stdin: FromStdin = False,
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
) -> None:
    """Add a person to the first workspace."""
    password = read_password(password_stdin)
    run(config, lambda house: house.users.create(email, password, role=role, name=name))
    print(f"{email} can sign in now, as {role}.")


@commands.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the people and their roles."""
    found = run(config, lambda house: house.users.everyone())
    roles = {user.email: [f"{m.role} in {m.workspace}" for m in memberships] for user, memberships in found}
    people = [user for user, _ in found]
    if as_json:
        print_json(
            [{"email": p.email, "name": p.name, "roles": roles[p.email], "disabled": p.disabled} for p in people]
        )
        return
    table = [(p.email, p.name, ", ".join(roles[p.email]), "locked out" if p.disabled else "") for p in people]
    print_rows(
        "People",
        ["email", "name", "roles", ""],
        table,
        "Nobody yet. Add one with: lettershop user add EMAIL --role owner",
    )


@commands.command("password")
def password_(email: Email, config: ConfigFile = None, password_stdin: FromStdin = False) -> None:
    """Change a password; the person's sessions end."""
    password = read_password(password_stdin)
    run(config, lambda house: house.users.set_password(email, password))
    print(f"The password of {email} is changed.")


@commands.command("role")
def role_(email: Email, role: Annotated[str, typer.Argument(help="The new role.")], config: ConfigFile = None) -> None:
    """Change a person's role in the first workspace."""

    async def work(house: House) -> None:
        await house.users.set_role(email, role, await house.first_workspace())

    run(config, work)
    print(f"{email} is {role} now.")


@commands.command("remove")
def remove(email: Email, config: ConfigFile = None) -> None:
    """Remove a person."""
    run(config, lambda house: house.users.remove(email))
    print(f"{email} is removed.")


@commands.command("no-code")
def no_code(email: Email, config: ConfigFile = None) -> None:
    """Ask a person for no code any more, when device and recovery codes are lost."""

    async def work(house: House) -> None:
        await house.users.second.remove((await house.users.get(email)).id)

    run(config, work)
    print(f"{email} signs in with the password alone now.")


@commands.command("mailbox")
def mailbox(
    email: Email,
    address: Annotated[str, typer.Argument(help="The mail account.")],
    config: ConfigFile = None,
    remove: Annotated[bool, typer.Option("--remove", help="Let the person open it no more.")] = False,
) -> None:
    """Let a person read and answer the mail of an account in the web interface."""
    if remove:
        run(config, lambda house: house.own_mailboxes.withdraw(email, address))
        print(f"{email} cannot open {address} any more.")
        return
    run(config, lambda house: house.own_mailboxes.grant(email, address, f"shell: {user_name()}"))
    print(f"{email} finds {address} under Mail now.")


@commands.command("mailboxes")
def mailboxes(email: Email, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the mail accounts that a person may open in the web interface."""

    async def work(house: House) -> list[str]:
        return [account.address for account in await house.own_mailboxes.of((await house.users.get(email)).id)]

    found = run(config, work)
    if as_json:
        print_json(found)
        return
    print_rows(
        "Mailboxes",
        ["address"],
        [(address,) for address in found],
        f"None. Grant one with: lettershop user mailbox {email} ADDRESS",
    )
