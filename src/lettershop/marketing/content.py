"""From what the marketer wrote to what is compiled: CSS inlined, links tracked, pixel, preheader, text part. [pure]

Bodies may be HTML, MJML or Markdown (`marketing.markup`). They go through real parsers, which know nothing of `{{ }}`:
each tag of the template language is put away first (`marketing.placeholders`) and comes back at the end.
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import css_inline
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from selectolax.lexbor import LexborHTMLParser, LexborNode

from lettershop.marketing.links import Addresses, Link, is_trackable, is_untracked, with_utm
from lettershop.marketing.markup import to_page
from lettershop.marketing.placeholders import Stash
from lettershop.marketing.template import Output, Piece, TemplateInvalid
from lettershop.marketing.template import field as field_of

TOKEN = "recipient_token"  # noqa: S105 the name of a field
"""The field under which the recipient's token is filled in."""

_FIXED = {"postal_address", "brand", "list_name"}
_URL = re.compile("https?://[^\\s<>\"']*[^\\s<>\"'.,;:!?)\\]]")
_PREFORMATTED = re.compile(r"<pre|<textarea|white-space:\s*(?:pre|break-spaces)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Design:
    """Everything of a campaign that its message is made of; `version` changes when any of it does."""

    campaign_id: int
    version: int
    workspace_id: int
    subject: str
    html: str
    from_name: str
    from_address: str
    public_url: str
    text: str = ""
    format: str = "html"  # of `html`: one of marketing.markup.FORMATS
    preheader: str = ""
    reply_to: str = ""
    brand: str = ""
    postal_address: str = ""
    list_id: int | None = None
    list_name: str = ""
    track_opens: bool = True
    track_clicks: bool = True
    utm: Mapping[str, str] = field(default_factory=dict)
    untracked: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)  # of the brand
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by language
    language_attribute: str = "language"
    files: Sequence[Mapping[str, Any]] = ()  # marketing.enclosures, with `blob` and `size`
    public_page: str = ""  # where everybody reads it, for the archive; then it leads into the list, not out of it
    kept: bool = False  # since the campaign started; nothing of it changes any more
    problem: str = ""  # why layout and blocks could not be put in

    @property
    def fixed(self) -> dict[str, str]:
        """The fields that are the same for everybody."""
        own = {f"brand_{name}": value for name, value in self.settings.items()}
        return {**own, "postal_address": self.postal_address, "brand": self.brand, "list_name": self.list_name}

    @property
    def languages(self) -> "dict[str, Design]":
        """The designs of the variants, by language in lower case; always in one order, for links are numbered by it.

        A variant's text part is its own: made from its body unless it is written.
        """
        found = {}
        for tag, parts in sorted(self.variants.items()):
            given: dict[str, Any] = {name: value for name, value in parts.items() if value}
            text = {"text": ""} if "html" in given else {}
            found[tag.lower()] = replace(self, variants={}, **{**text, **given})
        return found

    @property
    def domain(self) -> str:
        """The domain that the message is from."""
        return self.from_address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Content:
    """Both parts and the subject as pieces of the template language, and the tracked links."""

    subject: list[Piece]
    html: list[Piece]
    text: list[Piece]
    links: tuple[Link, ...]


@dataclass(slots=True)
class _Letter(Stash):
    """The placeholders of one campaign, and the links that are tracked, numbered after `before`."""

    design: Design = field(kw_only=True)
    before: int = 0
    links: list[Link] = field(default_factory=list)

    def _fixed(self, name: str, markup: bool) -> str | None:
        """What the campaign itself says: the same for everybody but for the token."""
        addresses = Addresses(self.design.public_url)
        if self.design.public_page and name in ("unsubscribe_url", "preferences_url", "web_version_url"):
            into = f"{self.design.public_url}/subscribe/{self.design.list_id}"
            return self.design.public_page if name == "web_version_url" else into
        if name == "unsubscribe_url":
            return addresses.unsubscribe(self.keep(Output(TOKEN)))
        if name == "preferences_url":
            return addresses.preferences(self.keep(Output(TOKEN)))
        if name == "web_version_url":
            return addresses.web_version(self.keep(Output(TOKEN)))
        head = name.partition("|")[0]
        known = head.strip() in _FIXED or head.strip().startswith("brand_")
        fill = field_of(name) if known and " or " not in name else None
        if fill is None:
            return None
        words = fill(self.design.fixed)
        return html.escape(words).replace("\n", "<br>") if markup else words

    def track(self, url: str, label: str) -> str:
        """The tracked address of a link, with the campaign's parameters; itself if it is ours or to be left alone."""
        base = self.design.public_url
        written = self.written(url)
        own = written.startswith((f"{base}/u/", f"{base}/v/", f"{base}/p/", f"{base}/c/"))
        if own or is_untracked(written, self.design.untracked):
            return url
        url = with_utm(url, self.design.utm)
        written = self.written(url)
        if not self.design.track_clicks or not is_trackable(written):
            return url
        number = self.before + len(self.links) + 1
        self.links.append(Link(number, written, label[:200]))
        return Addresses(base).click(self.keep(Output(TOKEN)), number)

    def track_again(self, url: str) -> str:
        """The same target in the text part: the number of the first link that leads there."""
        written = self.written(with_utm(url, self.design.utm))
        for link in self.links:
            if link.url == written:
                return Addresses(self.design.public_url).click(self.keep(Output(TOKEN)), link.number)
        return self.track(url, "")


def arrange(design: Design, before: int = 0) -> Content:
    """The content of a campaign, ready to be compiled; its links are numbered after `before`. Raises TemplateInvalid."""
    if design.problem:
        raise TemplateInvalid(design.problem)
    design = replace(design, public_url=design.public_url.rstrip("/"))
    stash = _Letter(design=design, before=before)
    page = _page(stash)
    text = stash.put_away(design.text, markup=False) if design.text.strip() else _text_of(page)
    text = _URL.sub(lambda match: stash.track_again(match[0]), text) if design.text.strip() else text
    if design.track_opens:
        pixel = Addresses(design.public_url).pixel(stash.keep(Output(TOKEN)))
        page = _before_end(page, f'<img src="{pixel}" width="1" height="1" alt="" style="display:block;border:0">')
    return Content(
        subject=stash.bring_back(stash.put_away(design.subject, markup=False)),
        html=stash.bring_back(page.strip()),
        text=stash.bring_back(text.strip("\n")),
        links=tuple(stash.links),
    )


def _page(stash: _Letter) -> str:
    """The HTML part with its styles inlined and its links tracked."""
    source = to_page(stash.put_away(stash.design.html, markup=True), stash.design.format)
    if "<style" in source:
        # CSS from elsewhere is never fetched: DEPENDENCIES.md, surprise 5
        source = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True).inline(source)
    page = LexborHTMLParser(source)
    for node in page.css("a[href], area[href]"):
        _track_node(stash, node)
    out = page.html or ""
    if stash.design.preheader.strip():
        out = _after_body(out, _preheader(html.escape(stash.put_away(stash.design.preheader, markup=False))))
    return out if _PREFORMATTED.search(out) else collapsed(out)


def _track_node(stash: _Letter, node: LexborNode) -> None:
    href = (node.attributes.get("href") or "").strip()
    if "data-no-track" in node.attributes:
        return
    tracked = stash.track(href, _label(stash, node))
    if tracked != href:
        node.attrs["href"] = tracked


def _label(stash: _Letter, node: LexborNode) -> str:
    image = node.css_first("img[alt]")
    words = node.text(strip=True) or (image.attributes.get("alt") if image is not None else "") or ""
    return " ".join(stash.written(words).split())


def _preheader(text: str) -> str:
    hidden = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden"
    return f'<div style="{hidden}">{text}</div>'


def _after_body(page: str, insert: str) -> str:
    match = re.search(r"<body[^>]*>", page, re.IGNORECASE)
    return page[: match.end()] + insert + page[match.end() :] if match else insert + page


def _before_end(page: str, insert: str) -> str:
    at = page.rfind("</body>")
    return page[:at] + insert + page[at:] if at >= 0 else page + insert


def collapsed(page: str) -> str:
    """White space between words counts once in HTML; written once it needs no encoding either."""
    return re.sub(r"[ \t]+", " ", re.sub(r"[ \t]*\n\s*", "\n", page))


def _text_of(page: str) -> str:
    """The text part of an HTML page, link targets beside their words."""
    plain = re.sub("<!--(\ue000\\d+\ue001)-->", r"\1", page)  # a comment would be dropped, and its statement with it
    lines = [line.rstrip() for line in get_text(plain, ParserConfig(display_links=True)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
