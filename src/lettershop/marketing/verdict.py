"""Was it a person? Tracking requests judged by scored signals. [pure]

Each signal adds to a score; from 1.0 on it was a machine. The raw request is kept as a fact, so a better rule can judge
it again. What is known of the machines (facts/rules.md): Apple's privacy proxy loads every image in the background and
calls itself bare "Mozilla/5.0"; Gmail's and Yahoo's image proxies load for people, but shortly after delivery for
nobody; security gateways press every link seconds after the 250, with HEAD or with names of their own.
"""

import re
from dataclasses import dataclass

import crawleruseragents

PROXY_SECONDS = 120.0
"""An image proxy that asks this soon after the receiver's 250 asks for nobody."""

SOON = 2.0
SOON_CLICK = 5.0
"""Seconds after the 250 in which people seldom open, and seldom click."""

_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy|ggpht\.com", re.IGNORECASE)
_MACHINES = re.compile(
    r"bot\b|crawl|spider|scan|preview|prefetch|monitor|proofpoint|mimecast|barracuda|safelinks|urldefense|"
    r"python-|curl/|wget/|go-http|java/|okhttp|headless",
    re.IGNORECASE,
)
_GMAIL_PREFETCH = re.compile(r"Chrome/42\.0\.2311\.135.*Edge/12\.246")
_PREFETCH = re.compile(r"^(?:sec-|x-)?(?:purpose|moz):.*(?:prefetch|preview|prerender)", re.IGNORECASE | re.MULTILINE)
_LANGUAGE = re.compile(r"^accept-language:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reasons`: the signals that were seen, with their weight."""

    machine: bool
    score: float
    reasons: tuple[tuple[str, float], ...]


def judge_open(user_agent: str, headers: str, since: float | None) -> Verdict:
    """A request for the pixel. `since`: seconds after the receiver's 250, None if that has not been seen yet."""
    return _verdict([*_agent(user_agent, since, bare=1.0), *_headers(headers), *_soon(since, SOON)])


def judge_click(user_agent: str, headers: str, method: str, since: float | None) -> Verdict:
    """A request for a tracked link."""
    found = [*_agent(user_agent, since, bare=0.7), *_headers(headers), *_soon(since, SOON_CLICK)]
    if method == "HEAD":
        found.append(("head", 1.0))
    return _verdict(found)


def _verdict(found: list[tuple[str, float]]) -> Verdict:
    score = round(sum(weight for _, weight in found), 3)
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
    if _MACHINES.search(user_agent) or crawleruseragents.is_crawler(user_agent):
        return [("scanner", 1.0)]
    return []


def _headers(headers: str) -> list[tuple[str, float]]:
    found = [("prefetch", 1.0)] if _PREFETCH.search(headers) else []
    return found if _LANGUAGE.search(headers) else [*found, ("no-language", 0.2)]


def _soon(since: float | None, limit: float) -> list[tuple[str, float]]:
    return [("soon", 0.4)] if since is None or since < limit else []
