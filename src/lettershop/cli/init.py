"""`lettershop init`: a few questions, then `lettershop.toml`, the first domain and the first administrator."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from lettershop.app.house import House, prepare_storage
from lettershop.base.config import load
from lettershop.base.errors import Conflict
from lettershop.cli.accounts import read_password
from lettershop.cli.context import DEFAULT_FILE, read_config, run
from lettershop.wire.address import normal_domain

TEMPLATE = """# Lettershop. Every key and its default: docs/reference/configuration.md
[server]
hostname = "{hostname}"
data_dir = "{data_dir}"

[web]
public_url = "{public_url}"
"""


class AlreadyThere(Conflict):
    """There is a configuration file already."""

    code = "already-there"


def init(
    domain: Annotated[
        str, typer.Option(prompt="Your domain (mail is sent from and received for it)", help="Like brand.example.")
    ],
    email: Annotated[str, typer.Option(prompt="The first administrator's email address", help="To log in with.")],
    hostname: Annotated[str, typer.Option(help="This server's name.", show_default="mail.DOMAIN")] = "",
    public_url: Annotated[
        str, typer.Option(help="What links in messages start with.", show_default="https://HOSTNAME")
    ] = "",
    organisation: Annotated[str, typer.Option(help="Name of the first workspace.", show_default="DOMAIN")] = "",
    data_dir: Annotated[str, typer.Option(help="Folder for all data.")] = "data",
    file: Annotated[Path, typer.Option("--config", help="The file to write.")] = DEFAULT_FILE,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Write the configuration, host the first domain, make the first administrator."""
    if file.exists():
        raise AlreadyThere(f"{file} is there already.", remedy="Change it by hand, or name another with --config.")
    name = normal_domain(domain)
    host = hostname or f"mail.{name}"
    text = TEMPLATE.format(hostname=host, data_dir=data_dir, public_url=public_url or f"https://{host}")
    load(text, {}, source=str(file))
    password = read_password(password_stdin)
    file.write_text(text, encoding="utf-8")
    asyncio.run(prepare_storage(read_config(file)))

    async def work(house: House) -> None:
        workspace = await house.ensure_workspace(organisation or name)
        await house.accounts.add_domain(name, workspace_id=workspace)
        await house.users.create(email, password, role="owner", workspace_id=workspace)

    run(file, work)
    print(f"Wrote {file}. Next:")
    print(f"  lettershop domain dns {name}     the DNS records to set")
    print(f"  lettershop account add you@{name}   a mailbox")
    print("  lettershop serve                 the server")
    print(f"  {public_url or f'https://{host}'}/start   sign in there: an assistant for the rest")
