"""The disk of the running server is full: nobody is told 250, OK or 200, everybody hears why, and afterwards it goes on.

The limit on the size of files is lowered under the server's feet: from then on no write finds room, as on a full disk.
"""

import asyncio
import imaplib
import json
import re
import resource
import smtplib
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from sqlalchemy import func, select
from tests.faults.counting import Counting
from tests.faults.serving import Server, configured

from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.mail.accounts import NewAccount
from lettershop.store import queue, stored
from lettershop.store.schema_mail import messages
from lettershop.store.schema_main import facts

USER = "user@brand.example"
MESSAGE = b"From: a@away.example\r\nTo: user@brand.example\r\nSubject: Hello\r\n\r\nGood day.\r\n"
OWNER, OWNERS_PASSWORD = "ada@brand.example", "correct horse battery staple"
PEOPLE = 5000


async def set_up(config):
    async with open_house(config) as house:
        workspace = await house.first_workspace()
        await house.accounts.add_domain("brand.example", workspace_id=workspace)
        password, stored = house.passwords.generate()
        await house.accounts.add_many([NewAccount(USER, stored)])
        token = (await house.api_tokens.create(workspace, "test", ["all"])).secret
        await house.users.create(OWNER, OWNERS_PASSWORD, role="owner", name="Ada", workspace_id=workspace)
        return password, token


@pytest.fixture
def stage(tmp_path):
    """A running server, a receiver, its ports, the password and the API token."""
    counting = Counting(tmp_path)
    file, text, ports = configured(tmp_path, workers=1, receiver=counting.port)
    config = load(text, {})
    password, token = asyncio.run(set_up(config))
    server = Server(file)
    server.start()
    yield counting, server, config, ports, password, token
    server.stop()
    counting.close()


def room(server, size):
    """How large files may be from now on; None: as before."""
    limit = resource.RLIM_INFINITY if size is None else size
    for pid in server.workers():
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, hard))


def deliver(port):
    """A message from another server; the reply after the dot, or to whatever was refused before."""
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo("mx.away.example")
        for code, words in (client.mail("a@away.example"), client.rcpt(USER)):
            if code >= 400:
                return code, words
        return client.data(MESSAGE)


def submit(port, password):
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.login(USER, password)
        client.mail(USER)
        client.rcpt("friend@inbox.example")
        return client.data(MESSAGE.replace(b"a@away.example", USER.encode()))


def opened(opener, request):
    """(status, text) of a request."""
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def sign_in(port):
    """As a browser does it: the form's page, then the form."""
    page = f"http://127.0.0.1:{port}/login"
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    token = re.search(r'name="csrf" value="([^"]+)"', opened(opener, page)[1])[1]
    fields = {"email": OWNER, "password": OWNERS_PASSWORD, "csrf": token}
    headers = {"origin": f"http://127.0.0.1:{port}"}
    return opened(opener, urllib.request.Request(page, urllib.parse.urlencode(fields).encode(), headers))


def make_list(port, token, name):
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/lists", json.dumps({"name": name}).encode(), headers
    )
    return opened(urllib.request.build_opener(), request)


def test_nobody_is_promised_what_cannot_be_kept(stage):
    _, server, config, ports, password, token = stage
    assert deliver(ports["smtp"])[0] == 250
    with imaplib.IMAP4("127.0.0.1", ports["imap"]) as imap:
        imap.login(USER, password)
        room(server, 1)
        code, words = deliver(ports["smtp"])
        assert (code, words[:5]) == (452, b"4.3.1")
        assert submit(ports["submission"], password)[0] == 452
        status, told = imap.append("INBOX", None, None, MESSAGE)
        assert status == "NO" and b"[UNAVAILABLE]" in told[0]
        assert imap.select("INBOX") == ("OK", [b"1"])  # what is there is read as ever
        assert b"Good day." in imap.fetch("1", "(BODY[])")[1][0][1]
        status, text = make_list(ports["http"], token, "While full")
        assert status == 503 and json.loads(text)["code"] == "database-full"
        status, text = sign_in(ports["http"])
        assert status == 503 and "There is no room" in text
        room(server, None)
        assert imap.append("INBOX", None, None, MESSAGE)[0] == "OK"
    assert deliver(ports["smtp"])[0] == 250
    assert submit(ports["submission"], password)[0] == 250
    assert make_list(ports["http"], token, "After")[0] == 201
    assert sign_in(ports["http"])[0] == 200

    async def kept():
        async with open_house(config) as house:
            stored = await house.mail_db.read(lambda conn: conn.scalar(select(func.count()).select_from(messages)))
            return stored, await house.main_db.read(queue.totals)

    stored, waiting = asyncio.run(kept())
    assert stored == 3
    assert sum(waiting.values()) <= 1


def test_a_campaign_stops_on_a_full_disk_and_goes_on_after(stage):
    counting, server, config, _, _, _ = stage
    counting.pace(0.02)

    async def begin():
        async with open_house(config) as house:
            message = "x"
            now = house.clock.now()
            blob = await house.blobs.put(MESSAGE)
            await house.main_db.write(
                stored.enqueue_stored, workspace_id=1, mail_from=USER, blob=blob, size=len(message), now=now,
                recipients=[(f"r{index}@inbox.example", "inbox.example") for index in range(PEOPLE)],
                expires_at=now + 3600,
            )  # fmt: skip

    async def look():
        async with open_house(config) as house:
            query = select(facts.c.kind, func.count()).group_by(facts.c.kind)
            kinds = {row[0]: row[1] for row in await house.main_db.read(lambda conn: conn.execute(query).all())}
            return await house.main_db.read(queue.totals), kinds

    def wait(condition, words, seconds=90.0):
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, words
            time.sleep(0.1)

    asyncio.run(begin())
    wait(lambda: len(counting.accepted()) > PEOPLE * 0.1, "it does not begin")
    room(server, 1)
    stood = [len(counting.accepted())]

    def stands():
        time.sleep(0.5)
        stood.append(len(counting.accepted()))
        return len(stood) > 4 and len(set(stood[-4:])) == 1

    wait(stands, "it goes on sending what it cannot record")
    assert stood[-1] < PEOPLE, "else the test would show nothing"
    room(server, None)
    wait(lambda: asyncio.run(look())[0] == {"queued": 0, "leased": 0}, "it does not go on")
    copies = counting.accepted()
    assert len(copies) == PEOPLE
    assert {len(found) for found in copies.values()} == {1}, "nothing is sent twice"
    assert asyncio.run(look())[1]["Delivered"] == PEOPLE
