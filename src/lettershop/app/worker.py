"""One worker process: listeners and run loops for its roles, until it is told to stop.

open the house > start what the roles ask for > say ready > wait for SIGTERM
> close the listeners, let the loops finish what they hold, give back what was not begun > close the house
"""

import asyncio
import gc
import resource
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from lettershop.app.house import House, open_house, owner_of
from lettershop.app.mail import MailServices, build_mail, listen
from lettershop.app.transport import (
    Refresh,
    build_policies,
    build_routes,
    build_tls_reports,
    trusted_context,
)
from lettershop.app.web import WebServer, build_web
from lettershop.base.config import Config, Role
from lettershop.base.log import configure, get_logger
from lettershop.egress.board import Board
from lettershop.egress.engine import Engine
from lettershop.egress.meters import Meters
from lettershop.egress.settings import Settings as EngineSettings
from lettershop.egress.tls_results import TlsResults
from lettershop.mail.delayed import Delayed
from lettershop.mail.fact_file import FactFile
from lettershop.mail.forgetting import Forgetting, Keep
from lettershop.mail.undelivered import Undelivered
from lettershop.mail.webhooks.courier import Courier
from lettershop.net.callout import Callouts
from lettershop.net.tls import opportunistic_context
from lettershop.supervisor import Sockets, workers_of
from lettershop.workers.outbound import Outbound
from lettershop.workers.singleton import PAUSE, Singleton

if TYPE_CHECKING:
    from lettershop.marketing.event_log import Folding

Loop = Coroutine[Any, Any, None]
PUBLISH = 1.0
"""Seconds between two looks of the others at this worker's figures."""

FOLD = 0.1
"""Seconds between two looks at the journal of opens and clicks."""

log = get_logger("worker")


@dataclass(frozen=True, slots=True)
class Shared:
    """Memory that the workers of a machine have together, mapped before they fork."""

    board: Board | None = None
    meters: Meters = field(default_factory=Meters)


def run_worker(
    config: Config, roles: Sequence[Role], number: int, sockets: Sockets, ready: Callable[[], None],
    *, shared: Shared | None = None,
) -> int:  # fmt: skip
    """Run one worker in this process; its exit code. `shared` with the others."""
    configure(config.server.log_level, config.server.log_format)
    calm_collector()
    shared = shared or Shared()
    shared.meters.take_seat(number)
    if shared.board is not None:
        shared.board.take_seat(number)
    uvloop.run(_work(config, roles, number, sockets, ready, shared))
    return 0


def calm_collector() -> None:
    """Let the cycle collector run seldom, and never over the modules. Measured: 8 % of a campaign's processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)


async def _work(
    config: Config, roles: Sequence[Role], number: int, sockets: Sockets, ready: Callable[[], None], shared: Shared
) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with open_house(config) as house:
        mail = build_mail(house)
        loops = _loops(house, mail, roles, number, stopping, shared)
        servers = await listen(house, mail, roles, sockets)
        web = build_web(house, mail, sockets, shared.meters) if "web" in roles else None
        try:
            await _run(loops, web, stopping, ready)
        finally:
            await asyncio.gather(*(server.close() for server in servers))


async def _run(
    loops: Sequence[Loop], web: WebServer | None, stopping: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Until `stopping`, or until one of the loops fails: then the worker ends and the supervisor starts another."""
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop)
        if web is not None:
            group.create_task(web.run(stopping))
            await web.started()
        ready()


def _loops(
    house: House, mail: MailServices, roles: Sequence[Role], number: int, stopping: asyncio.Event, shared: Shared
) -> list[Loop]:
    """The run loops of the roles."""
    loops: list[Loop] = [_reload_certificate(house, mail, stopping), _publish(shared.meters, stopping)]
    owner = owner_of(house.config, number)
    if "delivery" in roles:
        outbound = Outbound(build_engine(house, mail, owner, shared))
        loops += [outbound.run(stopping), house.bell.hear(f"delivery-{number}", outbound.wake, stopping)]
    if "web" in roles and house.marketing is not None:
        loops.append(_fold(house, house.marketing.folding, stopping))
    if "scheduler" in roles:
        for name, step in _steps(house, mail).items():
            loops.append(Singleton(house.main_db, house.clock, step, name=name, owner=owner).run(stopping))
        loops.append(_tell(house, owner, stopping))
        if house.config.facts.folder:
            loops.append(_write_facts(house, owner, stopping))
    return loops


async def _fold(house: House, folding: "Folding", stopping: asyncio.Event) -> None:
    """Take this process's opens and clicks into the log of facts until `stopping` is set."""
    while not stopping.is_set():
        try:
            more = await folding.step()
        except Exception:
            log.exception("opens and clicks wait in their journal")
            await house.clock.sleep(PAUSE)
            continue
        if not more:
            await house.clock.sleep(FOLD)
    await folding.end()


async def _publish(meters: Meters, stopping: asyncio.Event) -> None:
    """Let the other workers know the figures of this one, until `stopping` is set."""
    while not stopping.is_set():
        used = resource.getrusage(resource.RUSAGE_SELF)
        meters.publish(used.ru_utime + used.ru_stime, resident_memory())
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), timeout=PUBLISH)


def resident_memory() -> int:
    """Bytes that this process has in memory; where the system does not tell, the most that it had."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def _tell(house: House, owner: str, stopping: asyncio.Event) -> None:
    """Bring events to webhooks until `stopping` is set."""
    courier = build_courier(house)
    await Singleton(
        house.main_db, house.clock, courier.step, name="webhooks", owner=owner, poll=0.25, end=courier.close
    ).run(stopping)


async def _write_facts(house: House, owner: str, stopping: asyncio.Event) -> None:
    """Write the log files of facts until `stopping` is set; each machine that is to has its own."""
    settings = house.config.facts
    files = FactFile(
        house.main_db, house.mail_db, house.clock, Path(settings.folder), keep_days=settings.keep_days
    )  # fmt: skip
    name = f"fact-file {house.config.server.hostname}"
    await Singleton(house.main_db, house.clock, files.step, name=name, owner=owner, poll=0.5).run(stopping)


def build_courier(house: House) -> Courier:
    """What brings events to webhooks."""
    settings = house.config.webhooks
    callouts = Callouts(
        house.resolver,
        timeout=settings.timeout,
        allowed=settings.allow_networks,
        trust=partial(trusted_context, house),
    )
    return Courier(
        house.main_db, house.mail_db, callouts, house.clock, retry_for=settings.retry_for,
        keep=settings.keep_days * 86_400,
    )  # fmt: skip


def _steps(house: House, mail: MailServices) -> dict[str, Callable[[], Awaitable[bool]]]:
    """What one process at a time does, by the name of its lease."""
    hostname, post = house.config.server.hostname, mail.submission.post
    undelivered = Undelivered(house.main_db, house.blobs, house.clock, post, hostname=hostname)
    delayed = Delayed(
        house.main_db, house.blobs, house.clock, post, hostname=hostname, after=house.config.delivery.warn_after
    )
    delivery = house.config.delivery
    keep = Keep(delivery.keep_dialogues, house.config.web.keep_audit, delivery.keep_messages)
    forgetting = Forgetting(house.main_db, house.mail_db, house.blobs, house.clock, keep)
    marketing = house.marketing.steps(house) if house.marketing else {}
    steps: dict[str, Callable[[], Awaitable[bool]]] = {
        "undelivered": undelivered.step,
        "delayed": delayed.step,
        "forgetting": forgetting.step,
        **marketing,
    }
    steps["tls-reports"] = build_tls_reports(house, post).step
    if (policies := build_policies(house)) is not None:
        steps["policies"] = Refresh(policies, house.clock).step
    return steps


def build_engine(house: House, mail: MailServices, owner: str, shared: Shared | None = None) -> Engine:
    """The delivery engine of this process; with a board it shares its limits with the other workers."""
    shared = shared or Shared()
    config, results = house.config, TlsResults(house.clock)
    routes = build_routes(house, results)
    settings = EngineSettings.of(
        config, owner=owner, workers=workers_of(config), tls=opportunistic_context(), trusted=trusted_context(house)
    )
    settings = replace(settings, book=shared.meters.book, tls_results=results)
    campaigns = house.marketing.source if house.marketing else None
    cells = shared.board.cell if shared.board is not None else None
    engine = Engine(house.main_db, campaigns, mail.stored, routes, house.clock, settings, cells=cells)
    mail.express.serve(engine)
    return engine


async def _reload_certificate(house: House, mail: MailServices, stopping: asyncio.Event) -> None:
    """Take a renewed certificate without a restart."""
    while not stopping.is_set():
        try:
            await asyncio.wait_for(stopping.wait(), timeout=60)
        except TimeoutError:
            if mail.certificate.reload():
                log.info("certificate reloaded")
