"""Foreign HTML made harmless: a list of what is allowed, nothing remote unless asked for. [pure]

This is the first wall; the second is the frame in which it is shown (a sandbox with a policy of its own).
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

import nh3

from lettershop.mail.webmail.letter import File

TAGS = (nh3.ALLOWED_TAGS | {"font", "center", "u", "s", "big"}) - {"area", "map", "nav", "article", "aside"}
GENERAL = {"align", "valign", "width", "height", "bgcolor", "color", "dir", "lang", "style", "title"}
ATTRIBUTES: dict[str, set[str]] = {
    "*": GENERAL,
    "a": {"href"},
    "img": {"src", "alt"},
    "font": {"face", "size"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "col": {"span"},
    "colgroup": {"span"},
    "ol": {"start", "type"},
}
SIDES = ("", "-top", "-right", "-bottom", "-left")
STYLES = {
    "color", "background-color", "background", "font", "font-family", "font-size", "font-style", "font-weight",
    "line-height", "letter-spacing", "text-align", "text-decoration", "text-transform", "text-indent", "vertical-align",
    "white-space", "word-break", "overflow-wrap", "direction", "display", "width", "height", "min-width", "max-width",
    "border-collapse", "border-spacing", "border-radius", "table-layout", "list-style-type", "float", "clear", "opacity",
    *(f"{what}{side}" for what in ("margin", "padding", "border") for side in SIDES),
    *(f"border{side}-{what}" for what in ("color", "style", "width") for side in SIDES),
}  # fmt: skip
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Types of pictures that are shown: SVG is a program."""
MOST_WITHIN = 10_000_000
"""Bytes of pictures that a page carries within itself."""
LARGEST = 2_000_000
"""Characters of HTML that are read."""

_FETCHING = re.compile(r"url|image|expression|import|src|\\|@", re.IGNORECASE)
_DATA = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`blocked`: how many remote pictures were left out."""

    html: str
    blocked: int


def cleaned(html: str, pictures: Mapping[str, File], *, remote: bool) -> Cleaned:
    """What may be shown of it. `pictures`: those that the message carries, by name; `remote`: others may be fetched."""
    judge = _Judge({name.lower(): file for name, file in pictures.items()}, remote)
    body = nh3.clean(
        html[:LARGEST], tags=TAGS, attributes=ATTRIBUTES, attribute_filter=judge.attribute,
        clean_content_tags={"script", "style", "title", "noscript", "template", "iframe", "object", "svg", "math"},
        url_schemes={"http", "https", "mailto", "cid", "data"}, url_relative="deny",
        link_rel="noopener noreferrer nofollow", set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties=STYLES,
    )  # fmt: skip
    return Cleaned(body, judge.blocked)


@dataclass(slots=True)
class _Judge:
    """Decides on attributes; counts what it leaves out."""

    pictures: Mapping[str, File]
    remote: bool
    blocked: int = 0
    carried: int = 0
    made: dict[str, str | None] = field(default_factory=dict)

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        """The value that may stand, or None."""
        if name == "style":
            return "; ".join(one for one in value.split(";") if not _FETCHING.search(one)) or None
        if name == "href":
            return value if value.strip().lower().startswith(("http:", "https:", "mailto:")) else None
        return self.source(value.strip()) if name == "src" else value

    def source(self, address: str) -> str | None:
        """Where a picture may come from."""
        scheme = address.partition(":")[0].lower()
        if scheme == "cid":
            name = address[4:].lower()
            if name not in self.made:
                self.made[name] = self._carried(name)
            return self.made[name]
        if scheme == "data":
            return address if _DATA.fullmatch(address) else None
        if scheme not in ("http", "https"):
            return None
        self.blocked += not self.remote
        return address if self.remote else None

    def _carried(self, name: str) -> str | None:
        file = self.pictures.get(name)
        if file is None or file.type not in PICTURES or self.carried + len(file.data) > MOST_WITHIN:
            return None
        self.carried += len(file.data)
        return f"data:{file.type};base64,{b64encode(file.data).decode()}"


PAGE = """<!doctype html>
<html lang="und"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Message</title>
<style>body {{ margin: 1rem; font: 15px/1.5 sans-serif; color: #1c1b19; background: #fff; overflow-wrap: anywhere; }}
img {{ max-width: 100%; height: auto; }} table {{ max-width: 100%; }} pre {{ white-space: pre-wrap; }}
blockquote {{ margin: .5rem 0 .5rem .25rem; padding-left: .75rem; border-left: 2px solid #ccc; }}</style></head>
<body>{body}</body></html>
"""


def page(found: Cleaned) -> str:
    """A document of its own."""
    return PAGE.format(body=found.html)
