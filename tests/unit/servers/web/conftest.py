"""The staged interface (tests/browser/staged.py) behind Starlette's test client: no socket, the real application."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from starlette.testclient import TestClient

HOST = "http://mail.brand.example"


def _load() -> ModuleType:
    path = Path(__file__).parents[3] / "browser" / "staged.py"
    spec = importlib.util.spec_from_file_location("staged", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["staged"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def staged() -> ModuleType:
    return _load()


@pytest.fixture
def visitor(staged: ModuleType) -> Callable[..., TestClient]:
    """A client of a staged interface; `visitor(role="analyst").stage` has the fakes."""

    def make(**wishes: object) -> TestClient:
        stage = staged.stage(**wishes)
        client = TestClient(stage.app, base_url=HOST, follow_redirects=False, client=("203.0.113.7", 4711))
        client.stage = stage
        return client

    return make


@pytest.fixture
def signed_in(staged: ModuleType, visitor: Callable[..., TestClient]) -> Callable[..., TestClient]:
    """A client that has signed in; `client.csrf` is the token of its forms."""

    def make(**wishes: object) -> TestClient:
        client = visitor(**wishes)
        client.get("/login")
        token = client.cookies["lettershop-sign-in"]
        answer = client.post("/login", data={"email": staged.EMAIL, "password": staged.PASSWORD, "csrf": token})
        assert answer.status_code == 303, answer.text
        client.csrf = next(iter(client.stage.users.open.values())).csrf
        return client

    return make
