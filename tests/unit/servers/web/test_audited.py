"""Unsafe requests that were done are noted before the answer; looks, refusals and strangers are not."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from lettershop.servers.web.audited import Acting, Audited


class Notes:
    def __init__(self):
        self.found = []

    async def note(self, *values):
        self.found.append(values)


async def act(request):
    if "stranger" not in request.query_params:
        request.state.acting = Acting(7, "screen", "ann@brand.example")
    return PlainTextResponse("done", int(request.query_params.get("status", 200)))


@pytest.fixture
def door():
    """(client, notes)"""
    notes = Notes()
    methods = ["GET", "POST", "DELETE"]
    routes = [Route(path, act, methods=methods) for path in ("/lists/{id:int}", "/api/v1/suppressions/{email}")]
    return TestClient(Audited(Starlette(routes=routes), notes), client=("203.0.113.7", 1)), notes.found


def test_what_was_done_is_noted(door):
    client, found = door
    assert client.post("/lists/3", data={"secret": "x"}).text == "done"
    assert client.delete("/lists/3?status=204").status_code == 204
    who = (7, "screen", "ann@brand.example")
    assert found[0] == (*who, found[0][3], "/lists/3", "203.0.113.7")
    assert [one[3].split()[0] for one in found] == ["POST", "DELETE"]
    assert "secret" not in str(found)


def test_looks_refusals_and_strangers_are_not(door):
    client, found = door
    client.get("/lists/3")
    client.post("/lists/3?status=409")
    client.post("/lists/3?stranger")
    client.post("/nowhere")
    assert found == []


def test_a_path_that_names_a_person_is_not_kept(door):
    client, found = door
    client.delete("/api/v1/suppressions/ann@reader.example")
    assert len(found) == 1
    assert "reader.example" not in str(found)
