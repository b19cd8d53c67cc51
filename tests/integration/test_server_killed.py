"""kill -9 of the whole server, at any moment of a campaign: the next start goes on, nobody is left out.

The real `lettershop serve` with all its workers sends to itself over SMTP; its process group is killed several times. In
the end everybody has the message; only what was in flight on an open connection may be there twice.
"""

import asyncio
import os
import random
import select
import signal
import subprocess
import sys

import pytest
from sqlalchemy import func
from sqlalchemy import select as sql_select

from lettershop.app.house import open_house
from lettershop.base.clock import SystemClock
from lettershop.cli.demo import stage as stages
from lettershop.cli.demo.play import Play
from lettershop.cli.demo.screen import Screen
from lettershop.marketing.analytics import report
from lettershop.store.schema_mail import accounts, mailboxes, messages

KILLS = 5


def start(stage: stages.Stage) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-m", "lettershop", "serve", "--config", str(stage.config_file)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready and process.stdout.readline() == b"ready\n"
    return process


def kill(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)  # the supervisor and its workers, at once
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def copies(conn) -> dict[str, int]:
    """How many messages from the campaign lie in each reader's INBOX."""
    query = (
        sql_select(accounts.c.address, func.count())
        .select_from(messages.join(mailboxes, mailboxes.c.id == messages.c.mailbox_id).join(accounts))
        .where(mailboxes.c.name == "INBOX", accounts.c.address != stages.REPLIES)
        .group_by(accounts.c.address)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


@pytest.mark.timeout(240)
def test_kill_9_of_the_server_leaves_nobody_out(tmp_path):
    stage = stages.build(tmp_path, workers=2)
    text = stage.config_file.read_text().replace("expire = 32", "expire = 600")
    stage.config_file.write_text(text)
    play = Play(stage, Screen(to_stderr=True), SystemClock())
    asyncio.run(play.set_up(500))
    moments = random.Random(5)

    async def begin() -> None:
        async with open_house(stage.config) as house:
            await house.need_marketing().campaigns.start(play._campaign)

    async def figures():
        async with open_house(stage.config) as house:
            return await house.main_db.read(report, play._campaign), await house.mail_db.read(copies)

    asyncio.run(begin())
    interrupted = 0
    for _ in range(KILLS):
        server = start(stage)
        asyncio.run(asyncio.sleep(moments.uniform(0.1, 0.9)))
        kill(server)
        now, _ = asyncio.run(figures())
        interrupted += now.state != "done" and now.delivered < now.recipients
    full = sum(address.startswith("full.") for address in play._people)
    server = start(stage)
    try:
        for _ in range(90):
            now, found = asyncio.run(figures())
            if (
                now.queued == 0
                and now.recipients
                and now.waiting <= full
                and now.delivered + now.bounced_hard + now.waiting == now.recipients
            ):
                break
            asyncio.run(asyncio.sleep(1))
    finally:
        kill(server)
    assert interrupted >= 2, "else the test would show nothing"
    expected = {address for address in play._people if not address.startswith(("gone.", "full."))}
    assert expected <= set(found), f"{len(expected - set(found))} people were left out"
    assert set(found) <= expected
    assert now.delivered == len(expected), "everybody is counted once"
    doubles = sum(found.values()) - len(found)
    assert doubles <= KILLS * 60, f"{doubles} messages came twice: more than can be in flight"
