"""Where people pressed, shown on the message itself: each tracked link with how many followed it, the warmer the more. [pure]

warmed(html, {1: 40, 2: 3}, delivered=1000)    > the same page, its links leading nowhere, each with "40 · 4.0 %"
"""

import re
from collections.abc import Mapping

_LINK = re.compile(r'<a\b([^>]*?)\bhref="[^"]*/c/[A-Za-z2-7]+/([0-9]+)"([^>]*)>', re.IGNORECASE)
_TARGET = re.compile(r'\s(?:target|style)="[^"]*"', re.IGNORECASE)
_STYLE = re.compile(r'\bstyle="([^"]*)"', re.IGNORECASE)


def warmed(html: str, people: Mapping[int, int], delivered: int) -> str:
    """The page with the figures of its links; `people` by the link's number."""
    most = max(people.values(), default=0)

    def mark(found: re.Match[str]) -> str:
        before, number, behind = found[1], int(found[2]), found[3]
        count = people.get(number, 0)
        warmth = count / most if most else 0.0
        styles = _STYLE.findall(before + behind)
        rest = _TARGET.sub("", f"{before} {behind}")
        look = f"outline:2px solid rgba(185,58,39,{0.25 + 0.75 * warmth:.2f});outline-offset:2px"
        share = f"{100 * count / delivered:.1f} %" if delivered else "–"
        return (
            f'<a{rest} href="#" style="{";".join([*(one.rstrip(";") for one in styles), look])}">'
            f'<span style="display:inline-block;margin:0 4px 0 0;padding:1px 6px;border-radius:9px;font:600 12px/16px sans-serif;'
            f'color:#fff;background:{_colour(warmth)}">{count} · {share}</span>'
        )

    return _LINK.sub(mark, html)


def _colour(warmth: float) -> str:
    """From a cool grey to a warm red; white letters are readable on each."""
    cool, warm = (0x4B, 0x55, 0x63), (0xA5, 0x2A, 0x2A)
    return "#" + "".join(f"{round(c + (w - c) * warmth):02x}" for c, w in zip(cool, warm, strict=True))
