"""Clients that mean harm, on all listeners of the real server: memory stays bounded, everybody else is served.

They come from 127.0.0.2 and further; whoever is to be served comes from 127.0.0.1.
"""

import asyncio
import os
import random
import shutil
import smtplib
import socket
import ssl
import subprocess
import time

import pytest
from sqlalchemy import select
from tests.faults.serving import Server, configured

from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.mail.accounts import NewAccount
from lettershop.store.schema_mail import messages
from lettershop.supervisor import raise_file_limit

USER = "user@brand.example"
GREETED = b"EHLO evil.example\r\n"
ENVELOPE = GREETED + b"MAIL FROM:<evil@away.example>\r\nRCPT TO:<user@brand.example>\r\n"
SERVED_WITHIN = 20.0
"""Seconds in which an honest client is served: far more than it takes, far less than waiting for a hostile one."""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    raise_file_limit()
    folder = tmp_path_factory.mktemp("hostile")
    file, text, ports = configured(folder, workers=1)
    config = load(text, {})

    async def set_up():
        async with open_house(config) as house:
            await house.accounts.add_domain("brand.example", workspace_id=await house.first_workspace())
            await house.accounts.add_many([NewAccount(USER, house.passwords.generate()[1])])

    asyncio.run(set_up())
    server = Server(file)
    server.start()
    honest(ports)  # caches and modules are in place before memory is measured
    yield server, ports, config
    server.stop()


def honest(ports, subject="Honest"):
    """Somebody delivers a message and is served in good time."""
    began = time.monotonic()
    with smtplib.SMTP("127.0.0.1", ports["smtp"], timeout=SERVED_WITHIN) as client:
        client.sendmail("a@away.example", [USER], f"From: a@away.example\r\nSubject: {subject}\r\n\r\nHello.\r\n")
    assert time.monotonic() - began < SERVED_WITHIN


def connect(port, index=0, timeout=30.0):
    """From another loopback address."""
    return socket.create_connection(
        ("127.0.0.1", port), timeout=timeout, source_address=(f"127.0.0.{2 + index % 200}", 0)
    )


def pour(connection, data, most=30.0):
    """Send as much as is taken; how many bytes, what came back, and whether the server has had enough."""
    connection.settimeout(0.5)
    sent, until, answers, ended = 0, time.monotonic() + most, b"", True
    try:
        while sent < len(data) and time.monotonic() < until:
            try:
                sent += connection.send(data[sent : sent + 262_144])
            except TimeoutError:
                break
        connection.settimeout(0.5)
        while piece := connection.recv(65536):
            answers += piece
    except TimeoutError:
        ended = False
    except ConnectionError:
        pass  # what it said at last is lost where it left before all was read
    return sent, answers, ended


def subjects(config):
    """What lies in the mailboxes: the header of each message."""

    async def read():
        async with open_house(config) as house:
            rows = await house.mail_db.read(
                lambda conn: list(conn.scalars(select(messages.c.blob).order_by(messages.c.id)))
            )
            return [await house.blobs.get(key) for key in rows]

    return asyncio.run(read())


@pytest.mark.parametrize("service", ["smtp", "submission", "imap", "pop3", "http"])
def test_an_endless_line_is_not_kept(served, service):
    server, ports, _ = served
    before = server.memory()
    connections = [connect(ports[service], index) for index in range(4)]
    for connection in connections:
        pour(connection, b"A" * 16_000_000, most=10.0)
    assert server.memory() - before < 24 * 2**20
    honest(ports)
    for connection in connections:
        connection.close()


def test_a_command_that_is_endless_within_a_login_is_not_kept(served):
    server, ports, _ = served
    before = server.memory()
    with connect(ports["imap"]) as connection:
        pour(connection, b"a LOGIN {99999999+}\r\n" + b"A" * 16_000_000, most=10.0)
    with connect(ports["submission"]) as connection:
        pour(connection, GREETED + b"AUTH PLAIN\r\n" + b"A" * 16_000_000, most=10.0)
    assert server.memory() - before < 24 * 2**20
    honest(ports)


def test_messages_that_never_end_fill_no_memory(served):
    """Each is within the size that is allowed; all together would be a gigabyte."""
    server, ports, _ = served
    before = server.memory()
    body = b"x" * 998 + b"\r\n"
    connections = [connect(ports["smtp"], index) for index in range(30)]
    cut, most = 0, 0
    for connection in connections:
        _, _, ended = pour(connection, ENVELOPE + b"DATA\r\n" + body * 40_000, most=20.0)
        cut += ended
        most = max(most, server.memory() - before)
    assert cut >= 10, "nobody was told to come again"
    assert most < 600 * 2**20
    honest(ports)  # also now: a small message has its room
    for connection in connections:
        connection.close()


def test_thousands_of_idle_connections_keep_nobody_out(served):
    server, ports, _ = served
    before = server.memory()
    crowd = []
    try:
        for index in range(3000):
            crowd.append(connect(ports["smtp"], index % 3))
        honest(ports)
        assert server.memory() - before < 200 * 2**20
    finally:
        for connection in crowd:
            connection.close()


def test_clients_that_speak_a_byte_at_a_time_hold_up_nobody(served):
    _, ports, _ = served
    said = {"smtp": GREETED, "imap": b"a1 CAPABILITY", "http": b"GET / HTTP/1.1"}
    slow = [(connect(ports[service], index), said[service]) for index in range(100) for service in said]
    try:
        for place in range(10):
            for connection, words in slow:
                connection.send(words[place : place + 1])
            honest(ports)
    finally:
        for connection, _ in slow:
            connection.close()


def test_random_bytes_end_the_conversation_and_nothing_else(served):
    server, ports, _ = served
    dice = random.Random(3)
    workers = server.workers()
    for service in ("smtp", "submission", "imap", "pop3", "http"):
        for index in range(10):
            with connect(ports[service], index) as connection:
                noise = dice.randbytes(20_000) if index % 2 else bytes(dice.choices(range(10, 127), k=20_000))
                pour(connection, (GREETED if service == "smtp" else b"") + noise.replace(b"\n", b"\r\n"), most=3.0)
    honest(ports)
    assert server.workers() == workers, "a worker died"


def test_a_flood_of_commands_whose_answers_nobody_reads_is_held_back(served):
    """The server stops reading where its answers are not read, so neither side's bytes pile up."""
    server, ports, _ = served
    before = server.memory()
    floods = [connect(ports[service], index) for index in range(5) for service in ("smtp", "imap")]
    for connection in floods:
        connection.settimeout(0.5)
        flood = (
            b"EHLO x\r\n" * 3_000_000
            if connection.getpeername()[1] == ports["smtp"]
            else b"a CAPABILITY\r\n" * 3_000_000
        )
        sent = 0
        try:
            while sent < len(flood):
                sent += connection.send(flood[sent : sent + 262_144])
        except (TimeoutError, ConnectionError):
            pass
        assert sent < len(flood), "all of it was taken"
    assert server.memory() - before < 128 * 2**20, "330 MB were on their way, and more in answers"
    honest(ports)
    for connection in floods:
        connection.close()


SMUGGLED = b"MAIL FROM:<ceo@brand.example>\r\nRCPT TO:<user@brand.example>\r\nDATA\r\nSubject: Smuggled\r\n\r\nPay.\r\n"


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\n.\r", b"\r\n\x00.\r\n", b"\r.\r\n"]
)
def test_no_other_end_of_data_than_its_own(served, end):
    """RFC 5321 2.3.8, 4.1.1.4: what other servers might take for the end stays within the one message."""
    _, ports, config = served
    mark = os.urandom(6).hex()
    with connect(ports["smtp"]) as connection:
        body = f"Subject: {mark}\r\n\r\nOne.".encode() + end + SMUGGLED + b"\r\n.\r\n"
        file = connection.makefile("rb")
        for line in (b"", *ENVELOPE.splitlines(keepends=True), b"DATA\r\n"):
            connection.sendall(line)
            while file.readline()[3:4] == b"-":
                pass
        connection.sendall(body)
        answer = file.readline()
        connection.sendall(b"NOOP\r\n")
        assert file.readline().startswith(b"250"), "it answered more than one message"
    found = [message for message in subjects(config) if mark.encode() in message]
    assert answer.startswith(b"250")
    assert len(found) == 1
    head, _, text = found[0].partition(b"\r\n\r\n")
    assert b"Smuggled" not in head
    assert b"Subject: Smuggled" in text
    assert b"\n" not in found[0].replace(b"\r\n", b""), "a bare line feed is passed on"
    assert not [message for message in subjects(config) if message.startswith(b"Return-Path: <ceo@")]


def test_what_is_sent_in_plain_before_tls_counts_for_nothing(served):
    _, ports, config = served
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    before = len(subjects(config))
    with connect(ports["smtp"]) as connection:
        file = connection.makefile("rb")
        file.readline()
        connection.sendall(GREETED)
        while file.readline()[3:4] == b"-":
            pass
        connection.sendall(b"STARTTLS\r\n" + ENVELOPE[len(GREETED) :] + b"DATA\r\nSubject: Injected\r\n\r\nx\r\n.\r\n")
        assert file.readline().startswith(b"220")
        with context.wrap_socket(connection) as secure:
            secure.sendall(b"EHLO evil.example\r\nQUIT\r\n")
            answers = b""
            while piece := secure.recv(4096):
                answers += piece
    assert answers.count(b"354") == 0
    assert len(subjects(config)) == before


def test_a_handshake_that_never_ends_or_never_was_one(served):
    _, ports, _ = served
    silent = [connect(ports["submissions"], index) for index in range(50)]
    noisy = [connect(ports["submissions"], index) for index in range(20)]
    for connection in noisy:
        connection.sendall(b"EHLO this is no TLS\r\n" * 20)
    honest(ports)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP_SSL("127.0.0.1", ports["submissions"], timeout=SERVED_WITHIN, context=context) as client:
        assert client.ehlo()[0] == 250
    for connection in silent + noisy:
        connection.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command")
def test_a_client_cannot_renegotiate(served):
    """TLS 1.2 let a client ask for the costly part of the handshake again and again."""
    _, ports, _ = served
    command = ["openssl", "s_client", "-tls1_2", "-quiet", "-connect", f"127.0.0.1:{ports['submissions']}"]
    said = subprocess.run(
        command[:2] + [part for part in command[2:] if part != "-quiet"],
        input=b"R\nR\nR\n", capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert b"RENEGOTIATING" in said.stdout + said.stderr, "it was not asked"
    assert b"no renegotiation" in said.stderr.lower()
    honest(ports)
