"""What the demo shows: progress while it runs, the campaign's report in the end."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lettershop.cli.demo.outcome import Outcome
from lettershop.cli.demo.stage import REPLIES
from lettershop.marketing.report import Report

BAR = 32


class Screen:
    """Prints to standard output, or to standard error where standard output is for JSON."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._console = Console(file=sys.stderr if to_stderr else sys.stdout, highlight=False)

    def step(self, words: str) -> None:
        """One thing was done."""
        self._console.print(f"[green]✓[/green] {words}")

    def lines(self, lines: Iterable[str]) -> None:
        """More about the step before."""
        for line in lines:
            self._console.print(f"    {line}", style="dim")

    @contextmanager
    def file_bar(self, words: str) -> Iterator[Callable[[int, int], None]]:
        """A bar over the bytes of a file; a function to move it on."""
        with Progress(
            TextColumn(f"  {words:<28}"), BarColumn(BAR), DownloadColumn(), console=self._console, transient=True
        ) as bar:
            task = bar.add_task(words, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    @contextmanager
    def bars(self) -> Iterator[Progress]:
        """Progress bars while something takes time."""
        columns = (TextColumn("  {task.description:<28}"), BarColumn(BAR), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            yield progress

    def report(self, report: Report, outcome: Outcome, wrong: list[str]) -> None:
        """The campaign's report, and what does not add up."""
        self._console.print()
        self._console.print(f"[bold]{report.name}[/bold]  “{report.subject}”")
        self._funnel(report)
        self._links(report)
        self._providers(report)
        latency = outcome.latency_ms
        self._console.print(
            f"\nHand-over to acceptance: p50 {latency['p50']:.0f} ms, p95 {latency['p95']:.0f} ms, p99 {latency['p99']:.0f} ms; "
            f"{outcome.messages_per_second:.0f} messages a second; {outcome.seconds:.1f} s in all."
        )
        self._console.print(
            f"Found over IMAP: dkim=pass {outcome.dkim_pass}, spf=pass {outcome.spf_pass}, dmarc=pass {outcome.dmarc_pass}."
        )
        if wrong:
            self._console.print("\n[red]What does not add up:[/red]\n  " + "\n  ".join(wrong))
        else:
            self._console.print("[green]✓[/green] Every figure is equal to what the readers did.")

    def _funnel(self, report: Report) -> None:
        table = Table(box=None, show_header=False, pad_edge=False)
        steps = [
            ("recipients", report.recipients, report.recipients), ("sent", report.sent, report.recipients),
            ("delivered", report.delivered, report.sent), ("bounced, hard", report.bounced_hard, report.sent),
            ("bounced, soft", report.bounced_soft, report.sent), ("opened by people", report.opened, report.delivered),
            ("opened by machines", report.opened_by_machine, report.delivered), ("clicked", report.clicked, report.delivered),
            ("replied", report.replied, report.delivered), ("unsubscribed", report.unsubscribed, report.delivered),
            ("complained", report.complained, report.delivered),
        ]  # fmt: skip
        for name, count, of in steps:
            share = count / of if of else 0.0
            bar = "█" * round(share * BAR) or ("▏" if count else "")
            table.add_row(f"  {name}", f"{count:,}", f"{share:7.2%}", f"[cyan]{bar}[/cyan]")
        table.columns[1].justify = "right"
        self._console.print(table)

    def _links(self, report: Report) -> None:
        table = Table(box=None, header_style="bold", pad_edge=False, title="\nLinks", title_justify="left")
        table.add_column("  people", justify="right", no_wrap=True, min_width=8)
        table.add_column("by machines", justify="right", no_wrap=True, min_width=11)
        table.add_column("link", overflow="ellipsis", no_wrap=True)
        for link in sorted(report.links, key=lambda link: -link.people):
            table.add_row(str(link.people), str(link.machine_hits), link.url)
        self._console.print(table)

    def _providers(self, report: Report) -> None:
        headings = ("  provider", "sent", "delivered", "hard", "soft", "opened", "clicked", "complained")
        table = Table(box=None, header_style="bold", pad_edge=False, title="\nProviders", title_justify="left")
        for heading in headings:
            table.add_column(heading, justify="left" if heading == headings[0] else "right")
        for p in report.providers:
            cells = (p.sent, p.delivered, p.bounced_hard, p.bounced_soft, p.opened, p.clicked, p.complained)
            table.add_row(f"  {p.provider}", *(f"{cell:,}" for cell in cells))
        self._console.print(table)

    def leave_running(self, outcome: Outcome, user: str, password: str, folder: Path) -> None:
        """Where to look, until Ctrl-C."""
        self._console.print(f"\n[bold]The report in the browser:[/bold] {outcome.web}")
        self._console.print(f"  sign in as {user} with {password}")
        self._console.print(
            f"  IMAP at {outcome.imap}; replies are in {REPLIES}; data in {folder}. Ctrl-C stops and removes it."
        )
