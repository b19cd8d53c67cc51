"""Tags of the template language put away, so that parsers of HTML, MJML and Markdown may work on the rest. [pure]

Each tag is kept and a placeholder of two private-use characters stands for it: as it is inside text and values of
attributes, as an attribute of its own between attributes, as a comment between elements, where a parser would otherwise
move it out of a table. At the end the placeholders become pieces again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from lettershop.marketing.quoted import clean
from lettershop.marketing.template import Output, Piece, Statement, pieces

_PLACE = re.compile('(?:<!--)?\ue000(\\d+)\ue001(?:-->|="")?')
_INSIDE = re.compile(
    r"<(?:!--.*?-->|(?:title|style|script|textarea)\b.*?</|/?[a-zA-Z][^<>]*>)", re.DOTALL | re.IGNORECASE
)
_RAW = re.compile(r"<(?:!--|(?:title|style|script|textarea)\b)", re.IGNORECASE)
_VALUE = re.compile(r"""<[^"']*(?:(?:"[^"]*"|'[^']*')[^"']*)*=\s*(?:"[^"]*|'[^']*)""")
"""A tag up to the middle of a quoted value."""


@dataclass(slots=True)
class Stash:
    """What the placeholders stand for."""

    kept: list[Piece] = field(default_factory=list)

    def keep(self, piece: Piece) -> str:
        """The placeholder that stands for the piece."""
        self.kept.append(piece)
        return f"\ue000{len(self.kept) - 1}\ue001"

    def put_away(self, source: str, *, markup: bool) -> str:
        """The source with a placeholder for each tag."""
        parts = [self._stand_in(part, markup) for part in pieces(clean(source))]
        text = "".join(parts)
        if not markup or not any(isinstance(piece, Statement) for piece in self.kept):
            return text
        inside = [match.span() for match in _INSIDE.finditer(text)]
        return _PLACE.sub(partial(self._fitting, text, inside), text)

    def _stand_in(self, piece: Piece, markup: bool) -> str:
        if isinstance(piece, str):
            return piece
        if isinstance(piece, Output):
            return self._fixed(piece.expression, markup) or self.keep(piece)
        return self.keep(piece)

    def _fixed(self, name: str, markup: bool) -> str | None:
        """What stands at once for the name of a field; None: it is a field of the recipient."""

    def _fitting(self, text: str, inside: list[tuple[int, int]], match: re.Match[str]) -> str:
        """A statement's placeholder in the form that fits where it stands."""
        if not isinstance(self.kept[int(match[1])], Statement):
            return match[0]
        start = next((start for start, end in inside if start < match.start() < end), None)
        if start is None:
            return f"<!--{match[0]}-->"
        before = text[start : match.start()]
        if _RAW.match(before) or _VALUE.fullmatch(before):
            return match[0]
        return f" {match[0]} "

    def bring_back(self, text: str) -> list[Piece]:
        """Pieces again, text next to text put together."""
        found: list[Piece] = []
        for piece in self._pieces(text):
            if isinstance(piece, str) and found and isinstance(found[-1], str):
                found[-1] += piece
            elif piece != "":
                found.append(piece)
        return found

    def _pieces(self, text: str) -> Iterator[Piece]:
        position = 0
        for match in _PLACE.finditer(text):
            piece = self.kept[int(match[1])]
            start, end = match.span() if isinstance(piece, Statement) else (match.start(1) - 1, match.end(1) + 1)
            yield text[position:start]
            yield piece
            position = end
        yield text[position:]

    def written(self, text: str) -> str:
        """The text in template syntax again."""
        return "".join(
            [
                piece
                if isinstance(piece, str)
                else f"{{{{ {piece.expression} }}}}"
                if isinstance(piece, Output)
                else f"{{% {piece.body} %}}"
                for piece in self.bring_back(text)
            ]
        )
