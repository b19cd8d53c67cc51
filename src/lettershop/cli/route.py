"""`lettershop route`: where mail for a domain goes, and whether a session stands there."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.app.transport import build_routes, trusted_context
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.egress.dialler import Contexts, Dialler
from lettershop.egress.site import Hop, Route
from lettershop.egress.sources import Source
from lettershop.net.dial import CannotConnect, Timeouts
from lettershop.net.tls import opportunistic_context

PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Found:
    """One host of a route; `answer` is what became of a session, empty if none was tried."""

    host: str
    port: int
    addresses: list[str]
    tls: str
    login: str
    answer: str = ""
    works: bool = True


def route(
    domain: Annotated[str, typer.Argument(help="A recipient domain.")],
    config: ConfigFile = None,
    attempt: Annotated[
        bool,
        typer.Option(
            "--try", help="Connect to each host, greet, encrypt, log in, and leave; exit code 1 if none works."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show where mail for a domain goes: the operator's route, or the hosts that the DNS names."""

    async def work(house: House) -> tuple[Route, list[Found]]:
        found = await build_routes(house).find(domain.lower())
        if not attempt:
            return found, [_described(hop) for hop in found.hops]
        dialler = _dialler(house)
        return found, list(await asyncio.gather(*(_tried(dialler, hop) for hop in found.hops)))

    way, hosts = run(config, work)
    if as_json:
        print_json({
            "domain": domain, "fixed": way.fixed, "smart_host": way.everywhere,
            "hosts": [{name: getattr(one, name) for name in Found.__slots__} for one in hosts],
        })  # fmt: skip
    else:
        title = f"Mail for {domain} goes {'by a route of yours' if way.fixed else 'by its MX'}"
        rows = [(one.host, one.port, ", ".join(one.addresses), one.tls, one.login, one.answer) for one in hosts]
        print_rows(title, ["host", "port", "addresses", "TLS", "log in as", "session"], rows, "There is no host.")
    if not any(one.works for one in hosts):
        raise typer.Exit(1)


def _described(hop: Hop, answer: str = "", *, works: bool = True) -> Found:
    relay = hop.relay
    told = "at once" if relay and relay.implicit else "checked" if relay and relay.proves else hop.guard.demand
    user = relay.credentials.user if relay and relay.credentials else ""
    return Found(hop.host, hop.port, list(hop.addresses), told, user, answer, works)


def _dialler(house: House) -> Dialler:
    contexts = Contexts(opportunistic_context(), trusted_context(house))
    return Dialler(house.config.server.hostname, contexts, Timeouts.all(PATIENCE), house.clock)


async def _tried(dialler: Dialler, hop: Hop) -> Found:
    """The first address that answers decides."""
    why = "no address"
    for address in hop.addresses:
        try:
            connection = await dialler.connect(hop, address, Source())
        except CannotConnect as error:
            why = f"{error.public} ({error.stage})"
            continue
        tls = connection.tls.version if connection.tls else "no TLS"
        size = connection.capabilities.size
        await connection.close()
        return _described(hop, f"works: {address}, {tls}" + (f", up to {size:,} bytes" if size else ""))
    return _described(hop, why, works=False)
