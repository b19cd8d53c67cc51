"""Catalogues: no string of a page misses its German, none is left over, places for values are the same; each person's language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract
from jinja2.ext import babel_extract

from lettershop.insight.explained import WHY
from lettershop.mail.users import RIGHTS
from lettershop.marketing.attributes import READ
from lettershop.servers.web import public
from lettershop.servers.web.languages import LANGUAGES, translations, wanted
from lettershop.servers.web.pages.segments import CONSENTS, DATE_WORDS, JOINED, OPERATOR_WORDS, WISHES
from lettershop.servers.web.public import EVERY, PAUSES
from lettershop.servers.web.words import filters

FOLDER = Path(public.__file__).parent
ELSEWHERE = {
    *EVERY.values(), *PAUSES.values(), "This link is too old.", "Ask for a new one by the link in one of our mails.",
    "There were many requests today.", "Look into your mailbox, or try tomorrow.", "There were many requests from your network.",
    "Try again in a few minutes.", "Please try again.",
}  # fmt: skip
"""Words of `marketing.joining` and of errors in general, shown by `public_message.html`."""

KNOWN = {
    "sending", "scheduled", "paused", "draft", "recurring", "done", "cancelled", "delivered", "queued", "held", "waiting",
    "bounced", "withheld", "failed", "subscribed", "unsubscribed", "pending", "being tried", "given up", "running",
    "undoing", "undone", "uploaded", "being taken back", "taken back", "to be looked at", *READ, *RIGHTS,
    *(word for words in (JOINED, OPERATOR_WORDS, DATE_WORDS, CONSENTS, WISHES) for word in words.values()),
}  # fmt: skip
"""States, kinds of attributes and roles, which templates translate by their names."""


def strings() -> set[str]:
    found = ELSEWHERE | KNOWN | set(WHY.values())
    for page in (FOLDER / "templates").glob("*.html"):
        with page.open("rb") as file:
            for _, _, words, _ in babel_extract(file, ("_", "gettext", "ngettext"), (), {"silent": "false"}):
                found |= {words} if isinstance(words, str) else {one for one in words or () if one}  # None: a variable
    with (FOLDER / "public.py").open("rb") as file:
        for _, words, _, _ in extract("python", file, keywords={"_message": (2, 3)}):
            found |= {one for one in words if one}
    for module in [*(FOLDER / "pages").glob("*.py"), FOLDER / "app.py"]:
        found |= set(shown(ast.parse(module.read_text())))
    return found


def shown(tree: ast.AST) -> Iterator[str]:
    """What a page's Python hands to templates as words: values of dictionaries, parts of tuples, names of screens, sentences."""
    for node in ast.walk(tree):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.Dict):
            parts = list(node.values)
        elif isinstance(node, ast.Tuple):
            parts = list(node.elts)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Screen":
            parts = [node.args[2], node.args[5]] if len(node.args) > 5 else []
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            parts = [node.value]
        for part in parts:
            words = part.value if isinstance(part, ast.Constant) else None
            if isinstance(words, str) and re.match(r"[A-Z0-9][a-z0-9 ]", words) and "/" not in words:
                yield words


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_no_string_misses_its_translation(language):
    catalogue = translations(language)
    missing = sorted(strings() - set(catalogue._words))
    assert missing == [], (
        "Add them to locale/de.po, with the words of a German who would not know that it was translated."
    )


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


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-CH,de;q=0.9,en;q=0.5", "de"), ("en;q=0.4, de;q=0.6", "de"), ("fr, de;q=0.1", "de"),
        ("en;q=0.9, de; q=0.1", "en"), ("de;q=0, en", "en"),
        ("de;q=x", "en"), ("*", "en"), ("", "en"), (",,,;", "en"),
    ],
)  # fmt: skip
def test_the_language_that_is_asked_for_most(accepted, language):
    assert wanted(accepted) == language


def test_the_screens_speak_the_language_of_the_browser_or_the_chosen_one(signed_in):
    client = signed_in()
    german = {"accept-language": "de"}
    page = client.get("/campaigns", headers=german).text
    assert '<html lang="de"' in page
    for words in ("Kampagnen", "Warteschlange", "Abmelden"):
        assert words in page
    assert "Campaigns" in client.get("/campaigns").text
    chosen = client.post("/me/language", data={"csrf": client.csrf, "language": "de"})
    assert chosen.status_code == 303
    assert '<html lang="de"' in client.get("/campaigns", headers={"accept-language": "en"}).text
    client.post("/me/language", data={"csrf": client.csrf, "language": "../x"})
    assert '<html lang="en"' in client.get("/campaigns").text


def test_figures_and_dates_are_those_of_the_language():
    english, german = filters("en"), filters("de")
    assert (english["number"](1234567), german["number"](1234567)) == ("1,234,567", "1.234.567")
    assert (english["share"](1, 8), german["share"](1, 8)) == ("12.5 %", "12,5 %")
    assert german["duration"](4.25) == "4,2 s"
    assert german["number"](None) == "–"
    assert "22.11.2026" in german["moment"](1795305600.0)
    assert german["moment"](None) == "–"
