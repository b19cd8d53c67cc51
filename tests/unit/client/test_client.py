"""The typed client: it has every operation of the API with the very types, pages on, persists, and tells refusals by code."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from lettershop.client import ApiProblem, Client, NewList, Unreachable
from lettershop.client.operations import Listing, Operation, Resource
from lettershop.servers.web.api import app as api
from lettershop.servers.web.api.lists import MailingList


def operations():
    """Those of the client, by method and path."""
    found = {}
    for kind in Resource.__subclasses__():
        for value in vars(kind).values():
            if isinstance(value, Operation):
                found[value.method, value.path] = value
    return found


def routes():
    """Those of the server."""
    for module in vars(api).values():
        for router in vars(module).values() if hasattr(module, "__path__") or hasattr(module, "__file__") else ():
            if isinstance(router, APIRouter):
                yield from (route for route in router.routes if isinstance(route, APIRoute))


def by_place():
    found = {}
    for route in routes():
        for method in route.methods:
            found[method, re.sub(r"\{[^}]*\}", "{}", route.path)] = route
    return found


def test_the_client_has_every_operation_and_no_other():
    assert operations().keys() == by_place().keys()
    assert len(operations()) > 90


@pytest.mark.parametrize(("place", "operation"), sorted(operations().items(), key=lambda one: one[0]))
def test_its_types_are_those_of_the_server(place, operation):
    route = by_place()[place]
    body = route.body_field.field_info.annotation if route.body_field else None
    assert operation.body is (body if body is not bytes else None)
    answer = route.response_model
    if isinstance(operation, Listing):
        assert answer.model_fields["items"].annotation == list[operation.kind]
    elif operation.kind is not bytes:
        assert operation.kind == answer


class Stage(BaseHTTPRequestHandler):
    """Answers what the test prepared, and notes what came."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[list] = []
    seen: ClassVar[list] = []

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.command, self.path, dict(self.headers), body))
        status, headers, content = self.answers.pop(0)
        if status is None:
            self.close_connection = True
            self.connection.close()
            return
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def stage():
    """(client, handler) with a server of this test."""
    handler = type("Now", (Stage,), {"answers": [], "seen": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    with Client(f"http://127.0.0.1:{server.server_port}/", "lst_x", timeout=10) as client:
        yield client, handler
    server.shutdown()
    server.server_close()


LIST = {"id": 1, "name": "News", "public": False, "double_opt_in": True, "subscribed": 0, "members": 0,
        "unconfirmed": 0, "language": "en", "created_at": "2026-01-01T00:00:00Z"}  # fmt: skip


def a_list(number):
    """A list as the server tells it, whatever fields it has today."""
    made = {name: LIST.get(name, 0) for name in MailingList.model_fields}
    return {**made, "id": number}


def test_pages_are_asked_for_as_they_are_needed(stage):
    client, handler = stage
    handler.answers += [
        (200, {}, {"items": [a_list(1), a_list(2)], "next_cursor": "c2"}),
        (200, {}, {"items": [a_list(3)], "next_cursor": None}),
    ]
    found = client.lists.all(limit=2)
    assert next(found).id == 1
    assert len(handler.seen) == 1
    assert [one.id for one in found] == [2, 3]
    assert [path for _, path, _, _ in handler.seen] == ["/api/v1/lists?limit=2", "/api/v1/lists?limit=2&cursor=c2"]


def test_only_what_was_given_is_sent_and_said_again_with_the_same_key(stage, monkeypatch):
    client, handler = stage
    waited = []
    monkeypatch.setattr("lettershop.client.connection.time.sleep", waited.append)
    handler.answers += [
        (None, {}, b""),
        (429, {"Retry-After": "7"}, {"code": "too-many-requests"}),
        (503, {}, b"<html>"),
        (201, {}, a_list(9)),
    ]
    assert client.lists.create(NewList(name="News")).id == 9
    assert [json.loads(body) for *_, body in handler.seen] == [{"name": "News"}] * 4
    keys = {headers["Idempotency-Key"] for _, _, headers, _ in handler.seen}
    assert len(keys) == 1
    assert waited == [0.2, 7.0, 1.0]
    assert all(headers["Authorization"] == "Bearer lst_x" for _, _, headers, _ in handler.seen)


def test_a_refusal_is_told_by_its_code(stage):
    client, handler = stage
    problem = {
        "title": "Not ready.",
        "status": 409,
        "code": "not-ready",
        "detail": "Do it.",
        "findings": [{"code": "x"}],
    }
    handler.answers.append((409, {"Content-Type": "application/problem+json"}, problem))
    with pytest.raises(ApiProblem, match=r"Not ready\. Do it\.") as raised:
        client.campaigns.pause(7)
    assert (raised.value.status, raised.value.code, raised.value.findings) == (409, "not-ready", [{"code": "x"}])
    assert handler.seen[0][:2] == ("POST", "/api/v1/campaigns/7/pause")


def test_what_fills_a_path_is_one_segment(stage):
    client, handler = stage
    handler.answers.append((204, {}, b""))
    assert client.suppressions.lift("a/../b?@x.example") is None
    assert handler.seen[0][1] == "/api/v1/suppressions/a%2F..%2Fb%3F@x.example"


def test_a_body_of_another_kind_is_refused_here(stage):
    client, _ = stage
    with pytest.raises(TypeError, match="NewList"):
        client.lists.create("News")


def test_silence_is_told(monkeypatch):
    monkeypatch.setattr("lettershop.client.connection.time.sleep", lambda _: None)
    with Client("http://127.0.0.1:1", "lst_x", tries=2) as client, pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        client.lists.get(1)
    with pytest.raises(ValueError, match="https"):
        Client("mail.example.com", "lst_x")
