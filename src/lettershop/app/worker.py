"""One worker process: listeners and run loops for its roles, until it is told to stop.

open the house > start what the roles ask for > say ready > wait for SIGTERM
> close the listeners, let the loops finish what they hold, give back what was not begun > close the house
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any

import uvicorn
import uvloop

from lettershop.app.house import House, open_house, owner_of
from lettershop.app.mail import MailServices, build_mail
from lettershop.app.web import build_web
from lettershop.base.config import Config, Role
from lettershop.base.log import configure, get_logger
from lettershop.supervisor import Sockets

STOP_PATIENCE = 15.0


def run_worker(config: Config, roles: Sequence[Role], number: int, sockets: Sockets, ready: Callable[[], None]) -> int:
    """Run one worker in this process; its exit code."""
    configure(config.server.log_level, config.server.log_format)
    uvloop.run(_work(config, roles, number, sockets, ready))
    return 0
