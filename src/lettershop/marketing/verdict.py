"""Was it a person? Tracking requests judged by scored signals. [pure]

Each signal adds to a score; from 1.0 on it was a machine. The raw request is kept as a fact beside its verdict, so a
better rule can judge it again (`marketing.recompute`). A hit is judged with those around it: `judge` takes all hits of
one recipient on one message. What is known of the machines (facts/rules.md): Apple's privacy proxy loads every image in
the background and calls itself bare "Mozilla/5.0"; Gmail's and Yahoo's image proxies load for people, but shortly after
delivery for nobody; security gateways, known by the MX they receive at, press every link seconds after the 250, with
HEAD, with names of their own or with those of real browsers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import crawleruseragents

PROXY_SECONDS = 120.0
"""An image proxy that asks this soon after the receiver's 250 asks for nobody."""

SOON = 2.0
SOON_CLICK = 5.0
"""Seconds after the 250 in which people seldom open, and seldom click."""

GATEWAY_AT_ONCE = 10.0
GATEWAY_SOON = 60.0
"""Seconds after the 250 in which a scanning gateway looks at a message: surely, and likely."""

BURST = 1.0
BURSTS = (0.3, 0.6, 1.0)
"""Hardly anybody follows another link within so many seconds, few follow two others, nobody three."""

PIXEL = 0
"""The link number of the pixel; links count from 1."""

_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy|ggpht\.com", re.IGNORECASE)
_MACHINES = re.compile(
    r"bot\b|crawl|spider|scan|preview|prefetch|monitor|proofpoint|mimecast|barracuda|safelinks|urldefense|"
    r"python-|curl/|wget/|go-http|java/|okhttp|headless",
    re.IGNORECASE,
)
_GMAIL_PREFETCH = re.compile(r"Chrome/42\.0\.2311\.135.*Edge/12\.246")
_PREFETCH = re.compile(r"^(?:sec-|x-)?(?:purpose|moz):.*(?:prefetch|preview|prerender)", re.IGNORECASE | re.MULTILINE)
_LANGUAGE = re.compile(r"^accept-language:", re.IGNORECASE | re.MULTILINE)
_SCANNING = re.compile(
    r"pphosted|ppe-hosted|proofpoint|mimecast|barracuda|cuda-?mail|iphmx|cisco|messagelabs|trendmicro|sophos|"
    r"fortimail|fireeye|trellix|hornetsecurity|antispameurope|vadesecure|retarus|spamexperts|"
    r"mail\.protection\.outlook|mx\.microsoft|office365|trustwave|forcepoint|mailcontrol",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reasons`: the signals that were seen, with their weight."""

    machine: bool
    score: float
    reasons: tuple[tuple[str, float], ...]

    @property
    def words(self) -> str:
        """The signals by name, as they are stored."""
        return " ".join([name for name, _ in self.reasons])


@dataclass(frozen=True, slots=True)
class Hit:
    """A request as it was observed. `link`: its number, or PIXEL."""

    at: float
    link: int
    user_agent: str = ""
    headers: str = ""
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class Receiver:
    """What is known of the delivery. `delivered_at`: the 250, None if not (yet) seen; `gateway`: the site that its MX names."""

    delivered_at: float | None = None
    gateway: str = ""

    @property
    def scans(self) -> bool:
        """Whether the gateway is one that looks into links."""
        return bool(self.gateway) and _scans(self.gateway)


@lru_cache(maxsize=4096)
def _scans(gateway: str) -> bool:
    return _SCANNING.search(gateway) is not None


def judge(hits: Sequence[Hit], receiver: Receiver) -> list[Verdict]:
    """All hits of one recipient on one message, each judged with those around it."""
    alone = [_judged(hit, receiver, 0) for hit in hits]
    clicks = [hit for hit, verdict in zip(hits, alone, strict=True) if hit.link != PIXEL and not verdict.machine]
    if len(clicks) < 2:
        return alone
    return [
        verdict if verdict.machine or hit.link == PIXEL else _judged(hit, receiver, _others(hit, clicks))
        for hit, verdict in zip(hits, alone, strict=True)
    ]


def _others(hit: Hit, clicks: Sequence[Hit]) -> int:
    """How many other links were followed at nearly the same time, by what passes for a person."""
    return len({other.link for other in clicks if abs(other.at - hit.at) <= BURST} - {hit.link})


def _judged(hit: Hit, receiver: Receiver, others: int) -> Verdict:
    since = None if receiver.delivered_at is None else hit.at - receiver.delivered_at
    gateway = _gateway(since) if receiver.scans else []
    if hit.link == PIXEL:
        return judge_open(hit.user_agent, hit.headers, since, gateway)
    burst = [("burst", BURSTS[min(others, len(BURSTS)) - 1])] if others else []
    return judge_click(hit.user_agent, hit.headers, hit.method, since, [*gateway, *burst])


def judge_open(user_agent: str, headers: str, since: float | None, around: Sequence[tuple[str, float]] = ()) -> Verdict:
    """A request for the pixel. `since`: seconds after the receiver's 250; `around`: signals from outside the request."""
    return _verdict([*_agent(user_agent, since, bare=1.0), *_headers(headers), *_soon(since, SOON), *around])


def judge_click(
    user_agent: str, headers: str, method: str, since: float | None, around: Sequence[tuple[str, float]] = ()
) -> Verdict:
    """A request for a tracked link."""
    found = [*_agent(user_agent, since, bare=0.7), *_headers(headers), *_soon(since, SOON_CLICK), *around]
    if method == "HEAD":
        found.append(("head", 1.0))
    return _verdict(found)


def _verdict(found: list[tuple[str, float]]) -> Verdict:
    score = round(sum([weight for _, weight in found]), 3)
    return Verdict(score >= 1.0, score, tuple(found))


def _agent(user_agent: str, since: float | None, *, bare: float) -> list[tuple[str, float]]:
    if not user_agent.strip():
        return [("no-agent", 0.7)]
    if user_agent.strip() == "Mozilla/5.0":
        return [("privacy-proxy", bare)]
    if _PROXIES.search(user_agent):
        return [("image-proxy", 1.0)] if since is None or since < PROXY_SECONDS else []
    if _GMAIL_PREFETCH.search(user_agent):
        return [("gmail-prefetch", 1.0)]
    return [("scanner", 1.0)] if _names_a_machine(user_agent) else []


@lru_cache(maxsize=4096)
def _names_a_machine(user_agent: str) -> bool:
    return _MACHINES.search(user_agent) is not None or crawleruseragents.is_crawler(user_agent)


def _headers(headers: str) -> list[tuple[str, float]]:
    found = [("prefetch", 1.0)] if _PREFETCH.search(headers) else []
    return found if _LANGUAGE.search(headers) else [*found, ("no-language", 0.2)]


def _soon(since: float | None, limit: float) -> list[tuple[str, float]]:
    return [("soon", 0.4)] if since is None or since < limit else []


def _gateway(since: float | None) -> list[tuple[str, float]]:
    if since is None or since >= GATEWAY_SOON:
        return []
    return [("gateway", 1.0 if since < GATEWAY_AT_ONCE else 0.6)]


def device(user_agent: str) -> str:
    """What the person reads on, as far as the request says: phone, tablet, desktop, hidden (behind a proxy) or other."""
    if _PROXIES.search(user_agent):
        return "hidden"
    for name, pattern in _DEVICES:
        if pattern.search(user_agent):
            return name
    return "other"


_DEVICES = (
    ("tablet", re.compile(r"iPad|Tablet|Silk/|Kindle|Android(?!.*Mobile)", re.IGNORECASE)),
    ("phone", re.compile(r"iPhone|iPod|Android|Mobile|Windows Phone", re.IGNORECASE)),
    (
        "desktop",
        re.compile(r"Windows NT|Macintosh|X11|Linux|CrOS|Microsoft Office|Outlook|Thunderbird", re.IGNORECASE),
    ),
)
