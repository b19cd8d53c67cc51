"""`lettershop inspect`: what messages are: bounces, complaints, automatic answers, reports, or ordinary mail.

With --client-ip also who they are from: SPF, DKIM, DMARC, and what the screen makes of it.
"""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from lettershop.base.clock import SystemClock
from lettershop.cli.context import AsJson, ConfigFile, print_json, read_config
from lettershop.egress.classify import load
from lettershop.mail.authenticate import Authenticator, AuthReport
from lettershop.mail.bounces import Inspection, understand
from lettershop.mail.screen import decide
from lettershop.net.zones import open_resolver
from lettershop.wire.message.compose import crlf
from lettershop.wire.reports import files as mbox

STDIN = "-"
SINGLE = frozenset({".eml", ".msg", ".txt"})
"""Files that hold one message, whatever lines in it look like."""

Files = Annotated[
    list[Path],
    typer.Argument(help="Messages, a file each; “-” is standard input.", metavar="FILE…", show_default=False),
]
ClientIp = Annotated[str, typer.Option(help="Who handed it over: adds SPF, DKIM and DMARC.", show_default=False)]
Helo = Annotated[str, typer.Option(help="The name the client gave.", show_default=False)]
MailFrom = Annotated[str, typer.Option(help="The envelope's sender; empty: the null sender.", show_default=False)]


def inspect(
    files: Files,
    client_ip: ClientIp = "",
    helo: Helo = "",
    mail_from: MailFrom = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what messages are, whom they are about and what to do; with --json a JSON object a line."""
    messages, failed = _read(files)
    rules = load(read_config(config).delivery.bounce_rules)
    reports = _authenticated(messages, config, client_ip, helo, mail_from) if client_ip else [None] * len(messages)
    for (file, data), report in zip(messages, reports, strict=True):
        found = understand(data, rules)
        if as_json:
            print_json({"file": str(file), **found.as_json(), **(_trust(report) if report else {})})
        else:
            print("\n".join([*_lines(file, found), *(_trust_lines(report) if report else ())]))
    raise typer.Exit(1 if failed else 0)


def _read(files: list[Path]) -> tuple[list[tuple[Path, bytes]], bool]:
    """The messages, of a mailbox (mbox) one after the other, and whether any file could not be read."""
    messages: list[tuple[Path, bytes]] = []
    failed = False
    for file in files:
        try:
            data = sys.stdin.buffer.read() if str(file) == STDIN else file.read_bytes()
            messages += [(file, one) for one in ([data] if file.suffix in SINGLE else mbox.messages(data))]
        except OSError as error:
            typer.echo(f"{file}: {error.strerror}", err=True)
            failed = True
    return messages, failed


def _authenticated(
    messages: list[tuple[Path, bytes]], config: Path | None, client_ip: str, helo: str, mail_from: str
) -> list[AuthReport | None]:
    settings = read_config(config)
    clock = SystemClock()
    authenticator = Authenticator(open_resolver(settings.dns, clock), clock, settings.server.hostname)

    async def check(data: bytes) -> AuthReport | None:
        # signatures are over CRLF line ends, files often have others
        return await authenticator.check(crlf(data), client_ip=client_ip, helo=helo, mail_from=mail_from)

    async def work() -> list[AuthReport | None]:
        return [await check(data) for _, data in messages]

    return asyncio.run(work())


def _trust(report: AuthReport) -> dict[str, Any]:
    """Who it is from, as JSON."""
    spf, dmarc = report.spf_result, report.dmarc_result
    return {
        "spf": {"result": spf.verdict, "domain": spf.domain, "scope": spf.scope, "term": spf.term, "reason": spf.reason},
        "dkim": [
            {"result": one.verdict, "domain": one.domain, "selector": one.selector, "reason": one.reason}
            for one in report.dkim_results
        ],
        "dmarc": {
            "result": dmarc.verdict, "domain": dmarc.domain, "policy": dmarc.policy, "aligned": list(dmarc.aligned),
            "reason": dmarc.reason,
        },
        "findings": [asdict(finding) for finding in decide(report).findings],
    }  # fmt: skip


def _trust_lines(report: AuthReport) -> Iterator[str]:
    yield f"  SPF {report.spf}, DKIM {report.dkim}, DMARC {report.dmarc}"
    for finding in decide(report).findings:
        yield f"  {finding.action}: {finding.words}"


def _lines(file: Path, found: Inspection) -> Iterator[str]:
    yield f"{file}: {found.kind}" + (f" ({found.feedback})" if found.feedback else "")
    for person in found.recipients:
        codes = " ".join(str(code) for code in (person.code or "", person.status) if code)
        verdict = f"{person.reason}, {'hard' if person.hard else 'soft'}" if person.reason else ""
        yield "  " + "  ".join(part for part in (person.address, codes, verdict) if part)
        if person.diagnostic:
            yield f"    {' '.join(person.diagnostic.split())[:300]}"
    if found.advice:
        yield f"  {found.advice}"
