"""The play of the demo: set up, send, let the readers act, wait until every fact has come home."""

import asyncio
import csv
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from lettershop.app.house import House, open_house
from lettershop.base.clock import Clock
from lettershop.cli.demo import stage as stages
from lettershop.cli.demo.outcome import Outcome, outcome_of, settled
from lettershop.cli.demo.readers import Readers, Seen
from lettershop.cli.demo.screen import Screen
from lettershop.cli.demo.stage import Stage
from lettershop.marketing import campaign_file
from lettershop.marketing.analytics import report as read_report
from lettershop.marketing.audience import preview
from lettershop.marketing.report import Report
from lettershop.store import workspaces
from lettershop.store.views import last_delivery
from lettershop.wire.address import Address, InvalidAddress

WORKSPACE = "Juniper & Pine"
LIST = "Newsletter"
USER = "ada@brand.example"
BASIS = "Demo: ticked the newsletter box at checkout"
SETTLE_PATIENCE = 60.0
READ_AT_LAST = 20.0
SAMPLES = files("lettershop.samples")


class Play:
    """One performance; `set_up` before the server runs, `act` while it runs."""

    def __init__(self, stage: Stage, screen: Screen, clock: Clock) -> None:
        self._stage = stage
        self._screen = screen
        self._clock = clock
        self._passwords: dict[str, str] = {}
        self.password = urlsafe_b64encode(clock.token(9)).decode()
        self._campaign = 0
        self._people: list[str] = []

    async def set_up(self, recipients: int) -> None:
        """Domains, mailboxes, an administrator, the audience, the campaign."""
        audience = self._stage.folder / "subscribers.csv"
        addresses = write_audience(audience, recipients)
        async with open_house(self._stage.config) as house:
            workspace = await house.ensure_workspace(WORKSPACE)
            await stages.host_domains(house, self._stage, workspace)
            self._screen.step(
                f"{stages.SENDER} and {len(stages.RECEIVERS)} receivers' domains hosted, DNS records published"
            )
            self._passwords = await stages.open_mailboxes(house, addresses)
            self._screen.step(f"{len(self._passwords):,} mailboxes opened")
            await house.users.create(USER, self.password, role="owner", name="Ada", workspace_id=workspace)
            await house.own_mailboxes.grant(USER, stages.REPLIES, "demo")
            await self._import(house, workspace, audience)
            self._campaign = await self._draft(house, workspace)

    async def _import(self, house: House, workspace: int, audience: Path) -> None:
        with self._screen.file_bar("importing subscribers.csv") as progress:
            result = await house.need_marketing().imports.run(
                audience, workspace_id=workspace, list_name=LIST, basis=BASIS, progress=progress
            )
        self._screen.step(f"{result.created:,} subscribers imported, {result.refused} rows refused:")
        self._screen.lines(f"line {row.line}: {row.reason}" for row in result.examples)

    async def _draft(self, house: House, workspace: int) -> int:
        with as_file(SAMPLES / "campaign.toml") as file:
            written = campaign_file.read(file)
        segment = written.draft.segment
        found = await house.main_db.read(preview, workspace, segment, house.clock.now(), limit=1_000_000)
        self._people = [contact.email_key for contact in found.first]
        self._screen.step(f"segment {segment}: {found.count:,} people")
        assert written.brand is not None
        await house.main_db.write(workspaces.ensure_brand, workspace, at=house.clock.now(), **written.brand)
        return await house.need_marketing().campaigns.create(workspace, written.draft)

    async def act(self) -> tuple[Outcome, Report, Seen]:
        """Send, read, wait; what came of it."""
        async with open_house(self._stage.config) as house:
            started = self._clock.monotonic()
            await house.need_marketing().campaigns.start(self._campaign, by=USER)
            self._screen.step("campaign checked and started")
            seen = await self._read(house)
            report = await self._settle(house, seen)
            seconds = self._clock.monotonic() - started
            last = await house.main_db.read(last_delivery, self._campaign)
        took = (last - report.started_at) if last and report.started_at else seconds
        ports = self._stage.ports
        outcome = outcome_of(
            report, seen, seconds=seconds, rate=report.delivered / took if took > 0 else 0.0,
            web=f"http://127.0.0.1:{ports.http}/campaigns/{self._campaign}", imap=f"127.0.0.1:{ports.imap}",
        )  # fmt: skip
        return outcome, report, seen

    async def _report(self, house: House) -> Report:
        return await house.main_db.read(read_report, self._campaign)

    async def _read(self, house: House) -> Seen:
        """The readers in threads of their own, while this task watches the campaign."""
        readers = Readers(
            self._stage.ports, self._passwords, sender=stages.FROM, complaints_to=stages.COMPLAINTS, clock=self._clock
        )
        people = self._people
        mine = [address for address in people if address in self._passwords and not address.startswith("full.")]
        done = asyncio.Event()
        with self._screen.bars() as bars:
            sent_bar = bars.add_task("accepted by the receivers", total=len(people))
            read_bar = bars.add_task("found by readers over IMAP", total=len(mine))

            def progress(found: int) -> None:
                bars.update(read_bar, completed=found)

            async def look() -> Report:
                report = await self._report(house)
                bars.update(sent_bar, completed=report.delivered, total=report.recipients or len(people))
                return report

            await self._first_tries(look)
            work = asyncio.create_task(asyncio.to_thread(readers.work, mine, done.is_set, progress))
            while not work.done():
                if (await look()).state == "done":
                    done.set()
                await self._clock.sleep(0.25)
            return await work

    async def _first_tries(self, look: Callable[[], Awaitable[Report]]) -> None:
        """People look into their mailboxes when the mail is there: once everybody's message was tried, or after a while."""
        until = self._clock.monotonic() + READ_AT_LAST
        report = await look()
        while (report.queued or not report.sent) and self._clock.monotonic() < until:
            await self._clock.sleep(0.1)
            report = await look()

    async def _settle(self, house: House, seen: Seen) -> Report:
        until = self._clock.monotonic() + SETTLE_PATIENCE
        report = await self._report(house)
        while not settled(report, seen) and self._clock.monotonic() < until:
            await self._clock.sleep(0.2)
            report = await self._report(house)
        return report


def write_audience(path: Path, recipients: int) -> Sequence[str]:
    """The first `recipients` rows of the sample audience; the addresses in it that are well formed."""
    lines = (SAMPLES / "subscribers.csv").read_bytes().splitlines(keepends=True)  # a record is a line in the sample
    path.write_bytes(b"".join(lines[: recipients + 1]))
    with path.open(encoding="utf-8", newline="") as written:
        rows = csv.reader(written)
        column = next(rows).index("email")
        cells = [row[column] for row in rows if len(row) > column]
    return list(dict.fromkeys(address for cell in cells if (address := _local_address(cell))))


def _local_address(cell: str) -> str | None:
    """The address in a cell, if it is one at the receivers' domains."""
    try:
        address = Address.parse(cell.strip())
    except InvalidAddress:
        return None
    return address.key if address.domain in stages.RECEIVERS else None
