"""Which addresses are ours."""

import pytest

from lettershop.base.config import Config, Delivery, Listen, Server
from lettershop.egress.own import Ourselves


def ourselves(*listeners: str, sources: tuple[str, ...] = ()) -> Ourselves:
    delivery = Delivery(source_addresses=list(sources), pools={"bulk": ["192.0.2.8 bulk.brand.example"]})
    return Ourselves.of(
        Config(server=Server(hostname="Out.Brand.Example."), listen=Listen(smtp=list(listeners)), delivery=delivery)
    )


@pytest.mark.parametrize(("address", "port", "expected"), [
    ("127.0.0.1", 25, True), ("::1", 25, True), ("0.0.0.0", 25, True), ("192.0.2.7", 25, True), ("192.0.2.8", 25, True),
    ("192.0.2.9", 25, True), ("192.0.2.1", 25, False), ("127.0.0.1", 2525, False),
])  # fmt: skip
def test_who_listens_everywhere_has_every_address_of_the_machine(address: str, port: int, expected: bool) -> None:
    own = ourselves("0.0.0.0:25", sources=("192.0.2.7",))
    assert own.has(address, port, ["192.0.2.9"]) is expected


def test_who_listens_at_one_address_has_only_that() -> None:
    own = ourselves("192.0.2.1:25", "[2001:db8:0::1]:2525")
    assert own.has("192.0.2.1", 25) and own.has("2001:db8::1", 2525)
    assert not own.has("127.0.0.1", 25, ["127.0.0.1"])
    assert own.listens(25) and own.listens(2525) and not own.listens(26)


def test_the_name_is_compared_without_case_and_final_dot() -> None:
    assert ourselves("0.0.0.0:25").hostname == "out.brand.example"
