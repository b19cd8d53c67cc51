"""Catalogues: no string of a public page misses its German, none is left over, places for values are the same."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract
from jinja2.ext import babel_extract

from lettershop.servers.web import public
from lettershop.servers.web.languages import LANGUAGES, translations

FOLDER = Path(public.__file__).parent
PAGES = ("archive.html", "unsubscribe.html", "confirm.html", "subscribe.html", "public_message.html")
ELSEWHERE = {"There were many requests from your network.", "Try again in a few minutes.", "Please try again."}
"""Words of `marketing.joining` and of errors in general, shown by `public_message.html`."""


def strings() -> set[str]:
    found = set(ELSEWHERE)
    for page in PAGES:
        with (FOLDER / "templates" / page).open("rb") as file:
            for _, _, words, _ in babel_extract(file, ("_", "gettext"), (), {"silent": "false"}):
                found |= {words if isinstance(words, str) else words[0]} if words else set()  # None: a variable
    with (FOLDER / "public.py").open("rb") as file:
        for _, words, _, _ in extract("python", file, keywords={"_message": (2, 3)}):
            found |= {one for one in words if one}
    return found


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_no_string_misses_its_translation(language):
    catalogue = translations(language)
    missing = sorted(words for words in strings() if catalogue.gettext(words) == words)
    assert missing == []


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_none_is_left_over_and_places_for_values_are_the_same(language):
    words = translations(language)._words
    assert sorted(set(words) - strings()) == []
    places = re.compile(r"%\(\w+\)s")
    assert [one for one, other in words.items() if sorted(places.findall(one)) != sorted(places.findall(other))] == []


@pytest.mark.parametrize(
    ("accepted", "language", "words"),
    [
        ("de-CH,de;q=0.9,en;q=0.5", "de", "Abmelden?"),
        ("en-GB", "en", "Unsubscribe?"),
        ("tlh", "en", "Unsubscribe?"),
        ("", "en", "Unsubscribe?"),
    ],
)
def test_public_pages_speak_the_reader_s_language(visitor, accepted, language, words):
    page = visitor().get("/u/good", headers={"accept-language": accepted}).text
    assert f'<html lang="{language}">' in page
    assert words in page
