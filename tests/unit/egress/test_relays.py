"""The operator's routes as they are written, with passwords that stand elsewhere."""

import pytest

from lettershop.base.config import load as load_config
from lettershop.base.errors import ConfigError
from lettershop.egress import relays_file
from lettershop.egress.relays import Relay, read
from lettershop.wire.sasl import Credentials

ANN = Credentials("ann", "secret")


@pytest.mark.parametrize(
    ("route", "relays"),
    [
        ("smtp://a.example", [Relay("a.example", 25)]),
        ("smtp://127.0.0.1:2525", [Relay("127.0.0.1", 2525)]),
        ("smtp://[::1]:2525", [Relay("::1", 2525)]),
        ("smtps://a.example", [Relay("a.example", 465, implicit=True)]),
        ("smtp://ann@a.example:587", [Relay("a.example", 587, credentials=ANN)]),
        ("smtp://a.example smtps://ann@a.example:4650", [Relay("a.example", 25), Relay("a.example", 4650, True, ANN)]),
        (
            "smtp://ann%40b.example@a.example",
            [Relay("a.example", 25, credentials=Credentials("ann@b.example", "other"))],
        ),
    ],
)
def test_a_route_names_hosts_in_order(route, relays):
    passwords = {"ann@a.example": "secret", "ann@b.example@a.example": "other"}
    assert read("b.example", route, passwords) == tuple(relays)


@pytest.mark.parametrize(
    "route", ["", " ", "a:25", "http://a.example", "smtp://", "smtp://a:b:c", "smtp://a/path", "smtp://a?x=1"]
)
def test_what_is_no_route_is_named(route):
    with pytest.raises(ConfigError, match=r"for b\.example is no route"):
        read("b.example", route, {})


def test_a_log_in_needs_a_password_and_not_within_the_route():
    with pytest.raises(ConfigError, match="no password") as missing:
        read("*", "smtp://ann@a.example", {})
    assert '"ann@a.example"' in missing.value.remedy
    with pytest.raises(ConfigError, match="has a password in it") as shown:
        read("*", "smtp://ann:secret@a.example", {})
    assert "secret" not in str(shown.value)


def test_who_takes_a_password_must_prove_its_name_but_for_this_machine():
    assert not Relay("a.example", 25).proves
    assert Relay("a.example", 465, implicit=True).proves
    assert Relay("a.example", 587, credentials=ANN).proves
    assert not any(Relay(host, 25, credentials=ANN).proves for host in ("127.0.0.1", "::1", "localhost"))


def test_a_password_may_lie_in_a_file_and_is_never_shown(tmp_path):
    (tmp_path / "password").write_text("secret\n")
    config = load_config(
        f"""[delivery]
        routes = {{ "*" = "smtp://ann@a.example smtp://bob@b.example" }}
        passwords = {{ "ann@a.example" = "file:{tmp_path}/password", "bob@b.example" = "known" }}""",
        {},
    )
    first, second = relays_file.load(config.delivery)["*"]
    assert (first.credentials.password, second.credentials.password) == ("secret", "known")
    assert "secret" not in repr(first)
    assert "known" not in repr(config)


def test_a_file_that_is_not_there_is_named():
    config = load_config('[delivery]\npasswords = { "ann@a.example" = "file:/nowhere/x" }', {})
    with pytest.raises(ConfigError, match=r"/nowhere/x for ann@a\.example cannot be read"):
        relays_file.load(config.delivery)
