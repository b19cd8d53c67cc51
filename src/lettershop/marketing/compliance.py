"""The check before sending: what is refused by name, and what is only pointed out. [pure]

`marketing.campaigns` gathers a `Case`, `examine` judges it. Rules of law and of the large receivers, with their source:
a postal address (CAN-SPAM, 15 U.S.C. 7704(a)(5)), a working way out (GDPR 7(3), CASL, RFC 8058), consent (GDPR 6 and 7,
ePrivacy 13, CASL 6), a signature of the From domain (Gmail, Yahoo, Microsoft: bulk senders). Later checks are added here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from selectolax.lexbor import LexborHTMLParser

from lettershop.base.errors import LettershopError, Refused
from lettershop.marketing.content import Design
from lettershop.marketing.render import Compiled, Person
from lettershop.marketing.template import Output, TemplateInvalid, pieces

GMAIL_CUTS = 102 * 1024
"""Bytes of HTML after which Gmail hides the rest behind "View entire message"."""

_ALWAYS = {"email", "unsubscribe_url", "web_version_url", "preferences_url", "postal_address", "brand", "list_name"}
MOST_FILES, MANY_FILES = 3_000_000, 300_000
"""Bytes of files: refused above the first, pointed out above the second."""
_LINK = "Put them into the media library and link to them."
_CID = re.compile(r"""cid:([\w.-]+)""")
_NOBODY = Person("someone@brand.example", "Someone", "t" * 30, 0.0, {})
FEW_WORDS = 8
_BARE = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Finding:
    """One result. `code` names the rule; an `error` keeps the campaign from being sent, a `warning` does not."""

    code: str
    severity: Literal["error", "warning"]
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged. `compiled` is None if the template does not compile; `template_error` then says why.

    `zoneless`: of those whom it is to reach at their own time, who have no zone.
    """

    design: Design
    compiled: Compiled | None
    template_error: str
    audience: int
    without_consent: int
    domain_known: bool
    algorithms: tuple[str, ...]
    zoneless: int = 0
    local_zone: str = ""
    lapsed: int = 0
    resting: int = 0
    """Whose consent is over: they are left out."""


class NotReady(Refused):
    """The campaign may not be sent; `findings` say why, by name."""

    code = "campaign-not-ready"

    def __init__(self, findings: list[Finding]) -> None:
        errors = [finding for finding in findings if finding.severity == "error"]
        super().__init__(
            " ".join([f"[{finding.code}] {finding.words}" for finding in errors]),
            code=errors[0].code,
            remedy=" ".join([finding.remedy for finding in errors if finding.remedy]),
        )
        self.findings = findings

    @property
    def told(self) -> list[dict[str, Any]]:
        """The findings for the API's answer."""
        return describe(self.findings)


def examine(case: Case) -> list[Finding]:
    """All findings, errors first."""
    found = [finding for rule in _RULES for finding in rule(case)]
    for tag, design in case.design.languages.items():
        compiled = case.compiled.languages.get(tag) if case.compiled else None
        variant = replace(case, design=design, compiled=compiled, template_error="")
        of_it = [finding for rule in _OF_CONTENT for finding in rule(variant)]
        found += [replace(finding, words=f"In {tag}: {finding.words}") for finding in of_it]
    return sorted(found, key=lambda finding: finding.severity != "error")


def _error(code: str, words: str, remedy: str = "") -> Finding:
    return Finding(code, "error", words, remedy)


def _warning(code: str, words: str, remedy: str = "") -> Finding:
    return Finding(code, "warning", words, remedy)


def _template(case: Case) -> Iterator[Finding]:
    if case.template_error:
        yield _error("template", case.template_error)


def _names(source: str) -> set[str]:
    try:
        return {piece.expression for piece in pieces(source) if isinstance(piece, Output)}
    except TemplateInvalid:
        return set()


def _postal_address(case: Case) -> Iterator[Finding]:
    if not case.design.postal_address.strip():
        yield _error(
            "postal-address", "The brand has no postal address; the law asks for one in every mailing.",
            "Set it in the brand.",
        )  # fmt: skip
    elif not any(_says_address(case.design, source) for source in (case.design.html,)):
        yield _error(
            "postal-address",
            "The postal address does not stand in the message.",
            "Put {{ postal_address }} in the footer.",
        )


def _says_address(design: Design, source: str) -> bool:
    first_line = design.postal_address.strip().split("\n")[0].strip()
    return "postal_address" in _names(source) or first_line in source


def _unsubscribe(case: Case) -> Iterator[Finding]:
    remedy = "Put a link to {{ unsubscribe_url }} in the footer."
    if "unsubscribe_url" not in _names(case.design.html):
        yield _error("unsubscribe-link", "The message has no unsubscribe link.", remedy)
    if case.design.text.strip() and "unsubscribe_url" not in _names(case.design.text):
        yield _error("unsubscribe-link", "The text part has no unsubscribe link.", remedy)


def _subject(case: Case) -> Iterator[Finding]:
    subject = case.design.subject.strip()
    if not subject:
        yield _error("subject", "The campaign has no subject.")
    elif len(subject) > 150:
        yield _warning("subject-long", "The subject is longer than any mailbox shows.")
    if not case.design.html.strip():
        yield _error("content", "The campaign has no content.")


def _sender(case: Case) -> Iterator[Finding]:
    domain = case.design.domain
    if not case.domain_known:
        yield _error(
            "sender-domain", f"{domain} is not among the sending domains.", f"Add it: lettershop domain add {domain}"
        )
    elif not case.algorithms:
        yield _error("sender-key", f"{domain} has no DKIM key, so its mail would not be signed.")
    elif "rsa" not in case.algorithms:
        yield _warning("sender-key-rsa", f"{domain} has no RSA key; Gmail and Microsoft read no other.")


def _people(case: Case) -> Iterator[Finding]:
    if not case.audience:
        yield _error("recipients", "Nobody would get this campaign.", "Look at its list and its segment.")
    if case.without_consent:
        yield _error(
            "consent", f"{case.without_consent} of {case.audience} recipients have no consent on record.",
            "Import them with the ground on which they may be written to, or leave them out.",
        )  # fmt: skip
    if case.lapsed:
        yield _warning(
            "consent-over", f"{case.lapsed} more are left out: their consent was for a time that is over.",
            "Ask them for an express consent before it runs out (CASL 10).",
        )  # fmt: skip
    if case.resting:
        yield _warning(
            "resting", f"{case.resting} more are left out: they pause, or want fewer newsletters and had one lately.",
            "Nothing is to be done; it is their wish.",
        )  # fmt: skip


def _own_time(case: Case) -> Iterator[Finding]:
    if case.zoneless:
        words = f"{case.zoneless} of {case.audience} recipients have no time zone; they get it by the clock of {case.local_zone}."
        yield _warning("local-time", words, "Fill in the attribute of their time zone.")


def _size(case: Case) -> Iterator[Finding]:
    if case.compiled is None:
        return
    page = _page(case.compiled) or ""
    if len(page.encode()) > GMAIL_CUTS:
        yield _warning("size", f"The HTML has {len(page.encode()) // 1024} KB; Gmail cuts it after 102 KB.")


def _page(compiled: Compiled) -> str | None:
    """The page for a person of whom nothing is known; None if it cannot be made."""
    try:
        return compiled.page(_NOBODY)
    except TemplateInvalid:
        return None


def _made_for_all(case: Case) -> Iterator[Finding]:
    if case.compiled is not None and _page(case.compiled) is None:
        yield _warning(
            "fall-back", "The message cannot be made for a person of whom nothing but the address is known.",
            "Put {% if … %} round what needs more.",
        )  # fmt: skip


def _images(case: Case) -> Iterator[Finding]:
    page = (_page(case.compiled) if case.compiled else None) or case.design.html
    missing = [node for node in LexborHTMLParser(page).css("img") if "alt" not in node.attributes]
    if missing:
        yield _warning("image-text", f"{len(missing)} images have no alternative text.", 'Give each img an alt="…".')


def _one_click(case: Case) -> Iterator[Finding]:
    """RFC 8058 3 and 4: an HTTPS address, and both fields under the signature of the sender's domain."""
    if case.compiled is None:
        return
    try:
        signed = set(case.compiled.make(_NOBODY).names)
    except LettershopError:
        return  # told by the rule on fall-backs
    if not {"list-unsubscribe", "list-unsubscribe-post"} <= signed:
        yield _error("one-click", "The one-click header is not covered by the signature; receivers ignore it then.")
    if not case.design.public_url.startswith("https://"):
        yield _warning(
            "one-click", "Links begin with http://, so the one-click unsubscribe of Gmail and Yahoo does not work.",
            "Set [web] public_url to an https:// address.",
        )  # fmt: skip


def _text_part(case: Case) -> Iterator[Finding]:
    """A message whose words are all in pictures says nothing to who sees none, nor to filters."""
    if case.compiled is None or "<img" not in case.design.html.lower():
        return
    words = LexborHTMLParser(_page(case.compiled) or "").text(separator=" ").split()
    own = set(f"{case.design.postal_address} {case.design.brand} {case.design.list_name}".split())
    if len([word for word in words if word not in own]) < FEW_WORDS:
        yield _warning(
            "text-part", "The message has hardly any words beside its pictures; its text part says nothing.",
            "Write what it is about, also as words.",
        )  # fmt: skip


def _files(case: Case) -> Iterator[Finding]:
    sizes = sum(int(file["size"]) for file in case.design.files)
    if sizes > MOST_FILES:
        yield _error(
            "files-large", f"The files have {sizes // 1000} KB; {MOST_FILES // 1000} KB go with a campaign.", _LINK
        )
    elif sizes > MANY_FILES:
        yield _warning("files-large", f"The files have {sizes // 1000} KB, to everybody.", _LINK)
    named = set(_CID.findall(case.design.html))
    inline = {str(file["name"]) for file in case.design.files if file["inline"]}
    if lost := sorted(named - inline):
        yield _error("inline-image", f"No file goes with it for cid:{lost[0]}.", "Add the picture as an inline file.")
    if unused := sorted(inline - named):
        yield _warning("inline-image", f"Nothing shows {unused[0]}.", f'Write <img src="cid:{unused[0]}" alt="…">.')


def _fall_backs(case: Case) -> Iterator[Finding]:
    names = _names(case.design.subject) | _names(case.design.html) | _names(case.design.text)
    given = _ALWAYS | {name for name, words in case.design.fixed.items() if words}
    bare = sorted(name for name in names if _BARE.fullmatch(name) and name not in given)
    if bare:
        yield _warning(
            "fall-back", f"Without a fall-back: {', '.join(bare)}. Whoever lacks it sees a gap.",
            f'Write {{{{ {bare[0]}|default("…") }}}}.',
        )  # fmt: skip


_RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    _template, _postal_address, _unsubscribe, _one_click, _subject, _sender, _people, _own_time, _size, _text_part, _files, _images,
    _fall_backs, _made_for_all,
)  # fmt: skip

_OF_CONTENT: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    _postal_address, _unsubscribe, _subject, _size, _text_part, _images, _fall_backs, _made_for_all,
)  # fmt: skip


def describe(findings: list[Finding]) -> list[dict[str, Any]]:
    """The findings for `--json` and the API."""
    return [
        {"code": finding.code, "severity": finding.severity, "words": finding.words, "remedy": finding.remedy}
        for finding in findings
    ]
