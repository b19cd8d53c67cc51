"""PLAIN and LOGIN, both sides."""

import base64

import pytest

from lettershop.wire.sasl import (
    MECHANISMS,
    Challenge,
    Credentials,
    SaslCancelled,
    SaslError,
    ServerExchange,
    choose,
    client_responses,
)

ANN = Credentials("ann@x.example", "pä ss\tword")


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("initial", [True, False])
def test_the_server_understands_the_client(mechanism: str, initial: bool) -> None:
    responses = list(client_responses(mechanism, ANN))
    exchange = ServerExchange(mechanism.lower())
    step = exchange.begin(responses.pop(0) if initial else None)
    while isinstance(step, Challenge):
        step = exchange.respond(responses.pop(0))
    assert step == ANN
    assert not responses


def test_plain_may_name_another_identity() -> None:
    claimed = ServerExchange("PLAIN").begin(base64.b64encode(b"bob\0ann\0secret"))
    assert claimed == Credentials("ann", "secret", "bob")


@pytest.mark.parametrize("raw", [b"", b"ann", b"\0ann", b"\0\0secret", b"\0a\0b\0c", b"\0\xff\0secret"])
def test_bad_plain(raw: bytes) -> None:
    with pytest.raises(SaslError):
        ServerExchange("PLAIN").begin(base64.b64encode(raw) or b"=")


@pytest.mark.parametrize("line", [b"!", b"YW5", b"YW5u\x00", b"=", b"YW\nu"])
def test_bad_base64(line: bytes) -> None:
    exchange = ServerExchange("PLAIN")
    exchange.begin()
    with pytest.raises(SaslError):
        exchange.respond(line)


def test_cancel_and_unknown() -> None:
    exchange = ServerExchange("LOGIN")
    assert exchange.begin() == Challenge(base64.b64encode(b"Username:"))
    with pytest.raises(SaslCancelled):
        exchange.respond(b"*")
    with pytest.raises(SaslError):
        ServerExchange("GSSAPI")
    with pytest.raises(SaslError):
        client_responses("GSSAPI", ANN)


def test_the_choice() -> None:
    assert choose(frozenset({"LOGIN", "PLAIN", "XOAUTH2"})) == "PLAIN"
    assert choose(frozenset({"LOGIN"})) == "LOGIN"
    assert choose(frozenset()) is None


def test_a_password_is_not_shown() -> None:
    assert "ss" not in repr(ANN)
