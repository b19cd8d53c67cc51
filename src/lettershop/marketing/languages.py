"""Content in several languages: a variant by its tag, and which one a person gets. [pure]

A variant says what differs from the main content: `subject`, `preheader`, `html`, `text`. Who speaks none of the languages
gets the main one; de-AT is content with de (RFC 4647 3.4, look-up).
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from lettershop.base.errors import Invalid

PARTS = ("subject", "preheader", "html", "text")
MOST = 50
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")  # RFC 5646 2.1, the tags that people speak of

Variants = Mapping[str, Mapping[str, str]]
T = TypeVar("T")


class LanguageInvalid(Invalid):
    """A variant is not understood."""

    code = "language-invalid"


def check_variants(variants: Variants) -> None:
    """Raises LanguageInvalid."""
    if len(variants) > MOST:
        raise LanguageInvalid(f"More than {MOST} languages.")
    for tag, parts in variants.items():
        if not _TAG.fullmatch(tag):
            raise LanguageInvalid(f"{tag!r} is no language.", remedy="Write it like de or pt-BR.")
        unknown = sorted(parts.keys() - set(PARTS))
        if unknown:
            raise LanguageInvalid(f"A variant has no {unknown[0]}.", remedy=f"It has {', '.join(PARTS)}.")
    if len({tag.lower() for tag in variants}) < len(variants):
        raise LanguageInvalid("A language stands there twice.")


def spoken(variants: Mapping[str, T], language: Any) -> T | None:
    """The variant for somebody's language; None: the main content. The keys of `variants` are in lower case."""
    if not isinstance(language, str):
        return None
    tag = language.strip().replace("_", "-").lower()
    while tag:
        if tag in variants:
            return variants[tag]
        tag = tag.rpartition("-")[0]
    return None
