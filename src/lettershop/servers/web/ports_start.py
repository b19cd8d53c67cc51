"""What the assistant of the first steps asks for. [pure]"""
# ruff: noqa: D102 (the services themselves say what each call means)

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from lettershop.insight.hostcheck import HostFinding

if TYPE_CHECKING:  # marketing may be absent; then nobody asks
    from lettershop.marketing.first_run import Standing, TestMail
    from lettershop.store.accounts import Domain


class FirstRun(Protocol):
    """`marketing.first_run.FirstRun`."""

    async def standing(self, workspace_id: int) -> "Standing": ...
    async def introduce(self, workspace_id: int, organisation: str, sender: str, address: str, postal: str) -> None: ...
    async def add_domain(self, workspace_id: int, name: str) -> "Domain": ...
    async def add_mailbox(self, address: str, password: str, name: str) -> None: ...
    async def send_test(self, workspace_id: int, to: str) -> int: ...
    async def test(self, workspace_id: int, message_id: int) -> "TestMail": ...


class HostChecks(Protocol):
    """`insight.hostcheck.HostCheck`."""

    async def look(self, reach: str) -> Sequence[HostFinding]: ...
