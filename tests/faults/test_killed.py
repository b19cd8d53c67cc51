"""kill -9 of any process of the server, at any moment, a hundred times: while it leases, sends, waits for an answer, commits, imports.

The real `lettershop serve` with three workers sends a campaign to a receiver in another process that counts, and takes in a
file of people at the same time. A worker is killed, or the supervisor alone, or all of them. In the end everybody has the
message, and whoever has it twice had it in flight: the connection that carried the first copy was cut just then.

LETTERSHOP_TEST_KILLS sets how often, LETTERSHOP_TEST_SEED the moments; the seed is printed.
"""

import asyncio
import csv
import os
import random
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func
from sqlalchemy import select as sql_select
from tests.faults.counting import Counting
from tests.faults.serving import Server, configured

from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.marketing.analytics import report
from lettershop.marketing.campaigns import Draft
from lettershop.marketing.import_rows import ImportOptions
from lettershop.store import workspaces
from lettershop.store.schema_main import contacts, facts

KILLS = int(os.environ.get("LETTERSHOP_TEST_KILLS", "100"))  # the last fifth of them on PostgreSQL
PEOPLE, IMPORTED = 8_000, 100_000
HTML = """<p>Dear {{ first_name }}, <a href="https://brand.example/">look</a>.</p>
<p><a href="{{ unsubscribe_url }}">Leave</a> {{ postal_address }}</p>"""
LATE_COMMIT = 6.0
"""Seconds before its connection was cut at which a message may have been answered and not yet committed: a slow machine."""


def address_of(index: int) -> str:
    kind = {0: "gone", 1: "later"}.get(index % 20, "reader")
    return f"{kind}.{index}@inbox.example"


def write_people(path: Path, addresses) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "first_name"])
        rows.writerows((address, f"Name {index}") for index, address in enumerate(addresses))


async def set_up(house, folder: Path) -> tuple[int, int]:
    """A sender, people, a campaign that is started, an import that waits; their numbers."""
    marketing, workspace = house.need_marketing(), await house.first_workspace()
    await house.accounts.add_domain("brand.example", workspace_id=workspace)
    await house.main_db.write(
        workspaces.ensure_brand, workspace, at=house.clock.now(), name="Brand", from_name="Brand",
        from_address="letters@brand.example", postal_address="1 Street, Town",
    )  # fmt: skip
    write_people(folder / "readers.csv", (address_of(index) for index in range(PEOPLE)))
    await marketing.imports.run(folder / "readers.csv", workspace_id=workspace, list_name="Readers", basis="a test")
    draft = Draft(name="Killed", subject="Hello {{ first_name }}", brand="Brand", html=HTML, list_name="Readers")
    campaign = await marketing.campaigns.create(workspace, draft)
    await marketing.campaigns.start(campaign)
    write_people(folder / "many.csv", (f"person.{index}@elsewhere.example" for index in range(IMPORTED)))
    options = ImportOptions("Many", "a test")
    return campaign, await marketing.imports.submit(workspace, folder / "many.csv", options)


@contextmanager
def staged(folder: Path, database: str):
    """The receiver, the configuration, a server that is not started yet."""
    counting = Counting(folder)
    file, text, _ = configured(folder, workers=3, database=database, receiver=counting.port)
    server = Server(file)
    try:
        yield counting, server, load(text, {})
    finally:
        if server.process is not None:
            server.stop()
        counting.close()


def kill_often(server: Server, dice: random.Random, kills: int) -> None:
    """At random moments, of random parts."""
    for _ in range(kills):
        time.sleep(dice.choice([dice.uniform(0.0, 0.2), dice.uniform(0.2, 1.0)]))
        match dice.random():
            case chance if chance < 0.92:
                server.kill_a_worker(dice)
            case chance if chance < 0.96:
                server.kill_supervisor()
            case _:
                server.kill_all()


def wait_for_mail(counting: Counting, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not counting.accepted():
        assert time.monotonic() < until, "nothing is sent"
        time.sleep(0.02)


def settle(config, campaign: int, job: int, seconds: float = 240.0):
    """Wait until everything is done; the report, the job and counts from the tables."""

    async def look():
        async with open_house(config) as house:
            found = await house.main_db.read(report, campaign)
            imported = await house.need_marketing().imports.get(await house.first_workspace(), job)
            done = imported.state == "done" and found.state == "done" and found.waiting == 0 and found.queued == 0
            return done, found, imported, await house.main_db.read(counted, campaign)

    until = time.monotonic() + seconds
    while not (found := asyncio.run(look()))[0]:
        assert time.monotonic() < until, f"it does not come to an end: {found[1:3]}"
        time.sleep(0.5)
    return found[1:]


def counted(conn, campaign: int) -> dict[str, int]:
    deliveries = sql_select(facts.c.kind, func.count()).where(facts.c.campaign_id == campaign).group_by(facts.c.kind)
    people = sql_select(func.count()).select_from(contacts).where(contacts.c.email_key.like("person.%"))
    return {**{row[0]: row[1] for row in conn.execute(deliveries)}, "people": conn.scalar(people)}


def in_flight(copy: tuple[float, str], ended: dict[str, tuple[float, str]]) -> bool:
    """Whether the connection that carried it was cut before the answer could be committed."""
    at, connection = copy
    when, how = ended[connection]
    return how == "cut" and when - at <= LATE_COMMIT


@pytest.mark.timeout(480)
@pytest.mark.parametrize(
    ("engine", "kills"),
    [("sqlite", KILLS - KILLS // 5), ("postgresql", max(1, KILLS // 5))],
    ids=["sqlite", "postgresql"],
)
def test_kill_9_of_any_process_loses_nothing(tmp_path, request, engine, kills):
    seed = int(os.environ.get("LETTERSHOP_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"LETTERSHOP_TEST_SEED={seed}")
    database = request.getfixturevalue("fresh_postgresql") if engine == "postgresql" else ""
    with staged(tmp_path, database) as (counting, server, config):

        async def begin():
            async with open_house(config) as house:
                return await set_up(house, tmp_path)

        campaign, job = asyncio.run(begin())
        counting.pace(0.05)
        server.start()
        dice = random.Random(seed)
        kill_often(server, dice, kills)
        if not counting.accepted():  # a slow machine, where nothing got through between the kills
            wait_for_mail(counting)
            server.kill_a_worker(dice)
        early = len(counting.accepted())
        counting.pace(0.01)
        found, imported, counts = settle(config, campaign, job)
        server.stop()
    accepted, ended = counting.accepted(), counting.ended()
    everybody = {address_of(index) for index in range(PEOPLE)}
    readers = {address for address in everybody if not address.startswith("gone")}
    assert set(accepted) == readers, f"{len(readers - set(accepted))} people were left out"
    assert 0 < early < len(readers), "else the test would show nothing"
    for address, copies in accepted.items():
        for copy in sorted(copies)[:-1]:
            assert in_flight(copy, ended), f"{address} was sent twice: {copies}, {[ended[c] for _, c in copies]}"
    doubles = sum(len(copies) - 1 for copies in accepted.values())
    print(f"{kills} kills, {early} sent until the last, {doubles} in flight and sent twice")
    assert (found.recipients, found.delivered, found.bounced_hard) == (PEOPLE, len(readers), PEOPLE - len(readers))
    assert (counts["Delivered"], counts["Bounced"]) == (len(readers), PEOPLE - len(readers))
    assert (imported.created, imported.rows, counts["people"]) == (IMPORTED, IMPORTED, IMPORTED)
