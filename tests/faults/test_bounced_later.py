"""A receiver accepts everything and bounces later: the notification comes back over SMTP and finds its recipient and campaign."""

import asyncio
import smtplib

import pytest
from tests.faults.engine import until
from tests.faults.serving import Server, configured
from tests.receivers import Network

from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.marketing.analytics import report
from lettershop.marketing.campaigns import Draft
from lettershop.marketing.import_rows import ImportOptions
from lettershop.store import suppressions, workspaces

PEOPLE, GONE, FULL = 40, 9, 5
HTML = '<p>Hello. <a href="{{ unsubscribe_url }}">Leave</a> {{ postal_address }}</p>'
STANDARD = """From: MAILER-DAEMON@mx.inbox.example\r
To: {to}\r
Subject: Undelivered Mail Returned to Sender\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
I'm sorry to have to inform you that your message could not be delivered.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.inbox.example\r
\r
Final-Recipient: rfc822; {recipient}\r
Action: failed\r
Status: {status}\r
Diagnostic-Code: smtp; {diagnostic}\r
\r
--b--\r
"""
PROSE = """From: postmaster@mx.inbox.example\r
To: {to}\r
Subject: failure notice\r
\r
Hi. This is the qmail-send program at mx.inbox.example.\r
I'm afraid I wasn't able to deliver your message to the following addresses.\r
This is a permanent error; I've given up. Sorry it didn't work out.\r
\r
<{recipient}>:\r
Sorry, no mailbox here by that name. (#5.1.1)\r
"""


async def set_up(house, folder):
    marketing, workspace = house.need_marketing(), await house.first_workspace()
    await house.accounts.add_domain("brand.example", workspace_id=workspace)
    await house.main_db.write(
        workspaces.ensure_brand, workspace, at=house.clock.now(), name="Brand", from_name="Brand",
        from_address="letters@brand.example", postal_address="1 Street, Town",
    )  # fmt: skip
    rows = "".join(f"p{index}@inbox.example\n" for index in range(PEOPLE))
    (folder / "people.csv").write_text("email\n" + rows)
    await marketing.imports.run(
        folder / "people.csv", workspace_id=workspace, options=ImportOptions("Readers", "a test")
    )
    draft = Draft(name="Later", subject="Hello", brand="Brand", html=HTML, list_name="Readers")
    campaign = await marketing.campaigns.create(workspace, draft)
    await marketing.campaigns.start(campaign)
    return workspace, campaign


def bounce(port, message, index):
    """As the receiver's server does it: from the null sender to the return path."""
    to = message.mail_from
    if index < GONE:
        text = (PROSE if index % 2 else STANDARD).format(
            to=to, recipient=message.recipient, status="5.1.1", diagnostic="550 5.1.1 User unknown"
        )
    else:
        text = STANDARD.format(
            to=to, recipient=message.recipient, status="4.2.2", diagnostic="452 4.2.2 Mailbox is full, given up"
        )
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.sendmail("", [to], text)


@pytest.mark.timeout(240)
async def test_what_was_accepted_and_bounced_later_is_counted_and_suppressed(tmp_path):
    async with Network() as net:
        inbox = await net.receiver("inbox.example")
        file, text, ports = configured(tmp_path, workers=1, receiver=inbox.port)
        server = Server(file)
        async with open_house(load(text, {})) as house:
            workspace, campaign = await set_up(house, tmp_path)
            await asyncio.to_thread(server.start)
            try:

                async def everybody_has_it():
                    return len(inbox.messages) == PEOPLE

                await until(everybody_has_it, 90.0)
                for index, message in enumerate(inbox.messages[: GONE + FULL]):
                    await asyncio.to_thread(bounce, ports["smtp"], message, index)

                async def it_is_told():
                    found = await house.main_db.read(report, campaign)
                    return (found.bounced_hard, found.bounced_soft) == (GONE, FULL)

                await until(it_is_told, 90.0)
                found = await house.main_db.read(report, campaign)
            finally:
                server.stop()
            gone = {message.recipient for message in inbox.messages[:GONE]}
            listed = {
                address: await house.main_db.read(suppressions.suppressed, workspace, [address]) for address in gone
            }
    assert found.delivered == PEOPLE - GONE - FULL
    assert found.sent == found.delivered + found.bounced_hard + found.bounced_soft + found.waiting
    assert all(listed.values()), "who is gone is not written to again"
