"""`lettershop domain`: hosted and sending domains and their DNS records."""

from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.insight.dnscheck import Finding, check
from lettershop.insight.dnsrecords import Record, domain_records, host_records, zone_text
from lettershop.store import tls_results
from lettershop.store.tls_results import Counted

commands = typer.Typer(no_args_is_help=True, help="Hosted and sending domains, and the DNS records they need.")

Name = Annotated[str, typer.Argument(help="The domain, like brand.example.")]


@commands.command("add")
def add(name: Name, config: ConfigFile = None) -> None:
    """Host a domain: makes its signing keys; then set the records that `domain dns` prints."""
    domain = run(config, lambda house: house.accounts.add_domain(name))
    print(f"{domain.name} is hosted. Now set its DNS records; they are printed by: lettershop domain dns {domain.name}")


@commands.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the domains."""
    domains = run(config, lambda house: house.accounts.domains())
    if as_json:
        print_json(domains)
        return
    rows = [(d.name, "yes" if d.hosted else "no", "yes" if d.sending else "no") for d in domains]
    print_rows(
        "Domains", ["name", "takes mail", "sends mail"], rows, "No domain yet. Add one with: lettershop domain add NAME"
    )


@commands.command("dns")
def dns(name: Name, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print the DNS records that the domain needs, as zone-file text."""
    records = run(config, lambda house: records_of(house, name))
    if as_json:
        print_json(records)
    else:
        print(zone_text(records), end="")


@commands.command("check")
def check_(name: Name, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Look the records up and say what is missing or different; exit code 1 if anything is."""

    async def work(house: House) -> list[Finding]:
        return await check(await records_of(house, name), house.resolver)

    findings = run(config, work)
    if as_json:
        print_json(findings)
    else:
        rows = [(f.record.name, f.record.type, f.verdict, f.remedy or f.record.why) for f in findings]
        print_rows(f"DNS of {name}", ["name", "type", "", "what to do"], rows, "")
    if any(finding.verdict != "ok" for finding in findings):
        raise typer.Exit(1)


@commands.command("tls-results")
def tls_results_(
    name: Annotated[str, typer.Argument(help="Only this recipient domain.")] = "",
    days: Annotated[int, typer.Option(help="So many days, today included.", min=1)] = 7,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """How TLS on connections to recipient domains went: by day, policy and failure."""

    async def work(house: House) -> list[Counted]:
        since = int(house.clock.now() // tls_results.DAY) - days + 1
        return await house.main_db.read(partial(tls_results.results, since=since, domain=name.lower()))

    found = run(config, work)
    if as_json:
        print_json([_told(one) for one in found])
        return
    columns = ["day", "domain", "policy", "result", "host", "address", "sessions"]
    rows = [tuple(str(_told(one)[column]) for column in columns) for one in found]
    print_rows("TLS to recipient domains", columns, rows, "No connections in these days.")


def _told(one: Counted) -> dict[str, str | int]:
    result = one.result
    day = datetime.fromtimestamp(result.day * tls_results.DAY, UTC).strftime("%Y-%m-%d")
    return {
        "day": day, "domain": result.domain, "policy": result.kind, "result": result.failure or "success", "host": result.mx,
        "address": result.receiving_ip, "sessions": one.sessions,
    }  # fmt: skip


async def records_of(house: House, name: str) -> list[Record]:
    """Every record of a domain, and those of our host name if it lies below it."""
    hostname = house.config.server.hostname
    records = domain_records(name, hostname, await house.accounts.keys(name))
    return records + host_records(hostname, own_addresses(house)) if hostname.endswith(f".{name}") else records


def own_addresses(house: House) -> list[str]:
    """The addresses that others reach us at, as far as the configuration tells."""
    listening = [address.rpartition(":")[0].strip("[]") for address in house.config.listen.smtp]
    known = [*house.config.delivery.source_addresses, *listening]
    return [address for address in dict.fromkeys(known) if not ip_address(address).is_unspecified]
