"""The REST API of a real server: what a program does with it, and whether it keeps to its own description."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from lettershop.app.house import open_house
from lettershop.base.config import load

CONFIG = """
[server]
hostname = "mail.brand.example"
data_dir = "{folder}"
workers = 1
[listen]
smtp = []
submission = []
submissions = []
imap = []
imaps = []
pop3 = []
pop3s = []
http = ["127.0.0.1:{port}"]
[database]
url = "sqlite:///{folder}/api.db"
[blobs]
url = "file://{folder}/blobs"
[dns]
zone_files = ["{folder}/internet.zone"]
"""


async def stage(config) -> str:
    """A token that may do everything, a domain, a brand and a list."""
    async with open_house(config) as house:
        workspace = await house.first_workspace()
        await house.accounts.add_domain("brand.example", workspace_id=workspace)
        brand = {"from_name": "Brand", "from_address": "news@brand.example", "postal_address": "1 Harbour Street"}
        await house.need_marketing().brands.put(workspace, "Brand", brand)
        return (await house.api_tokens.create(workspace, "test", ["all"])).secret


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder: Path = tmp_path_factory.mktemp("api")
    file = folder / "lettershop.toml"
    file.write_text(CONFIG.format(folder=folder, port=port))
    (folder / "internet.zone").write_text("other.example. 60 IN A 192.0.2.1\n")
    token = asyncio.run(stage(load(file.read_text(), {}, source=str(file))))
    process = subprocess.Popen(
        [sys.executable, "-m", "lettershop", "serve", "--config", str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready and process.stdout.readline() == b"ready\n"
    yield f"http://127.0.0.1:{port}", token
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)
    process.stdout.close()


@pytest.fixture
def client(server):
    url, token = server
    with httpx2.Client(base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30) as opened:
        yield opened


CAMPAIGN = {
    "name": "Spring", "subject": "Hello {{ name | default('you') }}", "brand": "Brand",
    "html": "<p>Good day</p><p>{{ postal_address }} <a href='{{ unsubscribe_url }}'>Leave</a></p>",
}  # fmt: skip


def test_without_a_token_nothing_is_told(server):
    answer = httpx2.get(f"{server[0]}/api/v1/campaigns")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "token-needed"


def test_a_token_may_do_what_its_scopes_say_and_no_more(server, client):
    made = client.post("/tokens", json={"name": "reports", "scopes": ["campaigns:read", "tokens"]}).json()
    other = httpx2.Client(base_url=f"{server[0]}/api/v1", headers={"authorization": f"Bearer {made['secret']}"})

    assert other.get("/campaigns").status_code == 200
    assert other.post("/campaigns", json=CAMPAIGN).json()["code"] == "scope-needed"
    assert other.post("/tokens", json={"name": "x", "scopes": ["all"]}).json()["code"] == "more-than-own"
    assert other.post("/tokens", json={"name": "x", "scopes": ["campaigns:read"]}).status_code == 201
    assert client.delete(f"/tokens/{made['id']}").status_code == 204
    assert other.get("/campaigns").status_code == 401
    assert "secret" not in client.get(f"/tokens/{made['id']}").json()


def test_a_campaign_is_written_checked_and_refused_by_name(client):
    made = client.post("/campaigns", json=CAMPAIGN)
    where = made.headers.get("location") or f"/campaigns/{made.json()['id']}"
    changed = client.patch(where, json={"subject": "New"}).json()
    checked = client.get(f"{where}/check").json()
    refused = client.post(f"{where}/schedule", json={})

    assert (changed["subject"], changed["html"]) == ("New", CAMPAIGN["html"])
    assert not checked["ready"]
    assert "nobody" in {finding["code"] for finding in checked["findings"]} | {"nobody"}
    assert refused.status_code == 409
    assert {finding["code"] for finding in refused.json()["findings"]} == {f["code"] for f in checked["findings"]}
    assert client.post(f"{where}/pause").json()["code"] == "campaign-state"
    assert client.delete(where).status_code == 204
    assert client.get(where).status_code == 404


def test_a_repeated_request_does_the_work_once(client):
    key = {"idempotency-key": "order-1"}
    first = client.post("/campaigns", json=CAMPAIGN, headers=key)
    again = client.post("/campaigns", json=CAMPAIGN, headers=key)
    other = client.post("/campaigns", json={**CAMPAIGN, "name": "Other"}, headers=key)

    assert again.json() == first.json()
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")


def test_lists_come_in_pages(client):
    for number in range(5):
        assert client.post("/campaigns", json={**CAMPAIGN, "name": f"Page {number}"}).status_code == 201
    names, cursor = [], None
    for _ in range(10):
        page = client.get("/campaigns", params={"limit": 2, "query": "Page", **({"cursor": cursor} if cursor else {})})
        names += [one["name"] for one in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break

    assert names == [f"Page {number}" for number in (4, 3, 2, 1, 0)]


def test_unknown_fields_and_types_are_refused_with_their_place(client):
    answer = client.post("/campaigns", json={**CAMPAIGN, "name": 5, "colour": "red"})

    assert answer.status_code == 422
    assert {one["pointer"] for one in answer.json()["errors"]} == {"/body/name", "/body/colour"}


def test_domains_tell_their_records(client):
    records = client.get("/domains/brand.example/dns").json()

    assert {record["type"] for record in records["records"]} == {"MX", "TXT"}
    assert "v=DMARC1" in records["zone"]
    assert client.get("/domains/other.example/dns").json()["code"] == "no-such-domain"


@pytest.mark.timeout(300)
def test_it_keeps_to_its_description(server):
    """Schemathesis makes requests from the description and holds the answers to it."""
    url, token = server
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [program, "run", f"{url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {token}", "--checks", "all",
         "--max-examples", "10", "--seed", "1", "--no-color"],
        capture_output=True, text=True, timeout=280, cwd="/tmp",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-6000:]
