"""`lettershop demo`: the whole loop on loopback, with the real server and readers outside it.

stage (folder, configuration, zone) > domains, keys, mailboxes > `lettershop serve` > import > segment > campaign
> the delivery engine sends over SMTP to the receivers' domains > readers fetch, open, click, unsubscribe, complain,
reply > the facts come home > report, compared with what the readers did
"""

import asyncio
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from lettershop.base.clock import SystemClock
from lettershop.cli.context import AsJson, print_json
from lettershop.cli.demo import stage as stages
from lettershop.cli.demo.outcome import problems
from lettershop.cli.demo.play import USER, Play
from lettershop.cli.demo.screen import Screen


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop by itself; exit code 0 only if every figure adds up.")
    ] = False,
    as_json: AsJson = False,
    recipients: Annotated[int, typer.Option(help="Rows of the sample audience.", min=50)] = 2000,
    workers: Annotated[int, typer.Option(help="Worker processes of the server; 0 is one per core.", min=0)] = 0,
) -> None:
    """Send a sample newsletter to sample readers and report what became of it."""
    screen = Screen(to_stderr=as_json)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave through the stack: the server must not stay behind
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lettershop-demo-")))
        stage = stages.build(folder, workers)
        play = Play(stage, screen, SystemClock())
        asyncio.run(play.set_up(recipients))
        stack.enter_context(stages.server(stage))
        outcome, report, seen = asyncio.run(play.act())
        wrong = problems(outcome, report, seen)
        screen.report(report, outcome, wrong)
        if as_json:
            print_json(outcome.as_json())
        if once:
            stack.close()
            sys.exit(1 if wrong else 0)
        screen.leave_running(outcome, USER, play.password, stage.folder)
        _until_interrupted()


def _until_interrupted() -> None:
    try:
        asyncio.run(SystemClock().sleep(float("inf")))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nStopped.", file=sys.stderr)
