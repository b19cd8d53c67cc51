"""Layouts and blocks of a workspace put into a body, before anything is compiled. [pure]

    {% include "footer" %}   in a body, a layout or a block: the block of that name
    {{ content }}            in a layout: the body

All of it is text in the template language; what comes out is one body, so nothing of this is left when messages are made.
HTML and Markdown fit into each other; into MJML go blocks of MJML, and anything but MJML where its layout has `{{ content }}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lettershop.marketing.markup import FORMATS, as_fragment
from lettershop.marketing.template import MAX_SOURCE, TemplateInvalid, pieces

MOST = 500
"""Blocks put into one body; within each other at most `DEEPEST`."""
DEEPEST = 10

_INCLUDE = re.compile(r"""\{%-?\s*include\s+(?:"([^"]*)"|'([^']*)')\s*-?%\}""")
_CONTENT = re.compile(r"\{\{-?\s*content\s*-?\}\}")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of content under a name; a `layout` stands round bodies."""

    name: str
    html: str
    text: str = ""
    format: str = "html"
    layout: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """A body, its text part (empty: made from the body) and what the body is written in."""

    html: str
    text: str
    format: str


def check_block(block: Block) -> None:
    """Raises TemplateInvalid if it cannot be part of a body."""
    if block.format not in FORMATS:
        raise TemplateInvalid(f"There is no format {block.format!r}.", remedy=f"There are {', '.join(FORMATS)}.")
    for source in (block.html, block.text):
        pieces(_INCLUDE.sub("", source))
    if block.layout and not _CONTENT.search(block.html):
        raise TemplateInvalid("The layout has no place for the body.", remedy="Put {{ content }} into it.")


def assemble(body: Body, blocks: Mapping[str, Block], layout: str = "") -> Body:
    """The body in its layout, its blocks put in; raises TemplateInvalid."""
    if layout:
        body = _within(_named(blocks, layout, layout=True), body)
    work = _Work(blocks)
    return replace(body, html=work.put_in(body.html, body.format, ()), text=work.put_in(body.text, "text", ()))


def _within(layout: Block, body: Body) -> Body:
    inner = _as(body.html, body.format, layout.format, content=True)
    text = _CONTENT.sub(lambda _: body.text, layout.text) if body.text.strip() and layout.text.strip() else body.text
    return Body(_CONTENT.sub(lambda _: inner, layout.html), text, layout.format)


def _as(html: str, written_in: str, wanted: str, *, content: bool = False) -> str:
    """A source as it may stand in a body of the wanted format."""
    if written_in == wanted or (written_in, wanted) == ("html", "markdown"):
        return html
    if written_in == "mjml" or (wanted == "mjml" and not content):
        raise TemplateInvalid(
            f"What is written in {written_in} has no place in {wanted}.", remedy="Write both in the same format."
        )
    return as_fragment(html, written_in)


def _named(blocks: Mapping[str, Block], name: str, *, layout: bool) -> Block:
    found = blocks.get(name)
    if found is None or found.layout != layout:
        raise TemplateInvalid(f"There is no {'layout' if layout else 'block'} {name!r}.")
    return found


class _Work:
    """The blocks of one body; counts them."""

    def __init__(self, blocks: Mapping[str, Block]) -> None:
        self._blocks = blocks
        self._left = MOST

    def put_in(self, source: str, wanted: str, within: tuple[str, ...]) -> str:
        """The source with its blocks in their places."""
        whole = _INCLUDE.sub(lambda match: self._block(match[1] or match[2] or "", wanted, within), source)
        if len(whole) > MAX_SOURCE:
            raise TemplateInvalid(f"With its blocks the body has more than {MAX_SOURCE} characters.")
        return whole

    def _block(self, name: str, wanted: str, within: tuple[str, ...]) -> str:
        self._left -= 1
        if self._left < 0 or len(within) >= DEEPEST or name in within:
            raise TemplateInvalid(f"The block {name!r} stands within itself, or there are too many blocks.")
        block = _named(self._blocks, name, layout=False)
        if wanted != "text":
            return self.put_in(_as(block.html, block.format, wanted), wanted, (*within, name))
        if block.html.strip() and not block.text.strip():
            raise TemplateInvalid(
                f"The block {name!r} has no text.", remedy="Give it one, or leave the text part empty."
            )
        return self.put_in(block.text, wanted, (*within, name))
