"""The languages that pages speak: English in the source, others from the catalogues in `locale/`.

_("Subscribe") in a template > the environment of the page's language > the catalogue, or the English words

Catalogues are gettext's .po files, read once at the start; a test holds that none misses a string.
"""

from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "locale"
LANGUAGES = ("en", "de")


def wanted(accepted: str) -> str:
    """The language of ours that an Accept-Language header asks for most (RFC 9110 12.5.4); English if it asks for none."""
    asked: list[tuple[float, str]] = []
    for entry in accepted.split(",")[:20]:
        name, _, weight = entry.partition(";")
        try:
            asked.append((float(weight.strip().removeprefix("q=") or 1), name.strip()[:2].lower()))
        except ValueError:
            continue
    ours = [(weight, name) for weight, name in asked if name in LANGUAGES and weight > 0]
    return max(ours, key=lambda one: one[0])[1] if ours else "en"


class Catalogue(NullTranslations):
    """One language; what it does not have stays English."""

    def __init__(self, words: dict[str, str]) -> None:
        super().__init__()
        self._words = words

    def gettext(self, message: str) -> str:
        """See `gettext.NullTranslations`."""
        return self._words.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """See `gettext.NullTranslations`."""
        return self.gettext(msgid1 if n == 1 else msgid2)


@cache
def translations(language: str) -> NullTranslations:
    """The words of a language of `LANGUAGES`."""
    if language == "en":
        return NullTranslations()
    with (FOLDER / f"{language}.po").open("rb") as file:
        read = read_po(file, locale=language)
    return Catalogue({str(entry.id): str(entry.string) for entry in read if entry.id and entry.string})
