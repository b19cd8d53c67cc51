"""Who the recipients of a simulation are: a number each, from which receiver and domain follow. [pure]"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from lettershop.simulate.receiver import Receiver, chance
from lettershop.simulate.result import ReceiverResult
from lettershop.simulate.scenario import Receiver as Described

DICE_RECEIVER, DICE_DOMAIN = 0.6180339887498949, 0.7320508075688772


@dataclass(slots=True)
class Home:
    """A recipient domain: its name, its hosts, who answers there, where it is counted."""

    domain: str
    hosts: tuple[str, ...]
    receiver: Receiver
    result: ReceiverResult
    reached: bool = True


class People:
    """Recipients spread over receivers by their shares, evenly mixed as in a list by time of joining."""

    def __init__(self, described: Sequence[Described], delays: Sequence[float]) -> None:
        self._described = described
        self._delays = delays
        self._bounds = list(accumulate(one.share for one in described))
        self._homes: dict[tuple[int, int], Home] = {}
        self._receivers: dict[tuple[int, int], Receiver] = {}
        self.results = [ReceiverResult(one.name) for one in described]

    def home(self, number: int) -> Home:
        """Where a recipient lives."""
        place = chance(number, DICE_RECEIVER) * self._bounds[-1]
        index = min(bisect_right(self._bounds, place), len(self._bounds) - 1)
        domains = self._described[index].domains
        key = (index, int(chance(number, DICE_DOMAIN) * domains) if domains > 1 else 0)
        return self._homes.get(key) or self._make(key)

    def _make(self, key: tuple[int, int]) -> Home:
        index, place = key
        told = self._described[index]
        base = told.name if "." in told.name else f"{told.name}.example"
        domain = base if told.domains == 1 else f"d{place}.{base}"
        hosts = tuple(told.mx) or ((f"mx.{domain}" if told.own_servers else f"mx.{base}"),)
        whose = key if told.own_servers else (index, 0)
        receiver = self._receivers.get(whose)
        if receiver is None:
            receiver = self._receivers[whose] = Receiver(told, self._delays)
        self._homes[key] = Home(domain, hosts, receiver, self.results[index])
        return self._homes[key]
