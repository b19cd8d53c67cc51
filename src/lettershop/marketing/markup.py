"""Bodies written in MJML or Markdown become pages of HTML. [pure]

Works on text in which tags of the template language are put away (`marketing.placeholders`). MJML goes through mrml
without files to include and without fonts of third parties. mrml writes what is beyond ASCII, backslashes and line ends
in attributes as a Rust program would; so such characters travel as words of ASCII and come back afterwards. It also goes
down by recursion, so the nesting is bounded here: without that, deep nesting ends the process.
"""

import re

import mjml
from markdown_it import MarkdownIt

from lettershop.marketing.placeholders import Stash
from lettershop.marketing.template import TemplateInvalid

FORMATS = ("html", "mjml", "markdown")

MAX_NESTING = 200
"""Elements within elements; mrml ends the process somewhere beyond 1,000 on a stack of 8 MB."""

_TAG = re.compile(r"""<!--.*?-->|<(/?)([a-zA-Z][\w:-]*)((?:"[^"]*"|'[^']*'|[^"'>])*)>""", re.DOTALL)
_SINGLE_QUOTED = re.compile(r""""[^"]*"|'([^']*)'""")
_PLACE = re.compile("\ue000\\d+\ue001")
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
_PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>'
    '<body style="margin:0;padding:24px;background:#ffffff;color:#1f2933;font:16px/1.5 Helvetica,Arial,sans-serif">'
    '<div style="max-width:600px;margin:0 auto">\n{}</div></body></html>'
)


def to_page(source: str, written_in: str) -> str:
    """HTML of a body of one of FORMATS, placeholders where they were; raises TemplateInvalid."""
    if not source.strip() or written_in == "html":
        return source
    page = _of_markdown(source) if written_in == "markdown" else _of_mjml(source)
    lost = set(_PLACE.findall(source)) - set(_PLACE.findall(page))
    if lost:
        raise TemplateInvalid(
            f"{len(lost)} tags of the template stand where {written_in} has no place for them.",
            remedy="Put {% … %} between elements or into their text, not between attributes.",
        )
    return page


def as_html(source: str, written_in: str) -> str:
    """A template's body as HTML, its `{{ }}` and `{% %}` as they were; raises TemplateInvalid."""
    if written_in == "html":
        return source
    stash = Stash()
    return stash.written(to_page(stash.put_away(source, markup=True), written_in))


def as_fragment(source: str, written_in: str) -> str:
    """A piece of HTML or Markdown as HTML to be put into a page, its tags of the template language as they were."""
    if written_in == "html":
        return source
    stash = Stash()
    return stash.written(_rendered(stash.put_away(source, markup=True)))


def _of_markdown(source: str) -> str:
    return _PAGE.format(_rendered(source))


def _rendered(source: str) -> str:
    """CommonMark with tables and strike-through; HTML within it stays."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    reader.normalizeLink = lambda url: url  # type: ignore[method-assign]  # percent signs would hide the placeholders
    page: str = reader.render(source)
    return page


def _of_mjml(source: str) -> str:
    _bound(source)
    mark = _unused(source)
    plain = _TAG.sub(lambda match: _quoted(match[0]), source)
    plain = re.sub(r"[^\x00-\x7f]|\\", lambda match: f"{mark}{ord(match[0])}z", plain)
    try:
        page = mjml.mjml2html(plain.strip(), fonts={})
    except ValueError as error:
        raise TemplateInvalid(f"The MJML is not understood: {error}.") from error
    return re.sub(rf"{mark}(\d+)z", lambda match: chr(int(match[1])), page)


def _quoted(tag: str) -> str:
    """A tag on one line, its values without quotes within."""
    if tag.startswith("<!--"):
        return tag
    return _SINGLE_QUOTED.sub(_double, re.sub(r"[\t\r\n]+", " ", tag))


def _double(match: re.Match[str]) -> str:
    return match[0] if match[1] is None else '"' + match[1].replace('"', "&quot;") + '"'


def _unused(source: str) -> str:
    """A word that the source does not have."""
    number = 0
    while f"q{number}q" in source:
        number += 1
    return f"q{number}q"


def _bound(source: str) -> None:
    depth = 0
    for match in _TAG.finditer(source):
        name = match[2]
        if name is None or name.lower() in _VOID or match[3].endswith("/"):
            continue
        depth += -1 if match[1] else 1
        if depth > MAX_NESTING:
            raise TemplateInvalid(f"More than {MAX_NESTING} elements stand within each other.")
