"""Writes src/lettershop/samples/subscribers.csv: 2,000 rows, always the same. Run by hand when the sample is to change.

The addresses are at three receiving domains that the demo stages. Their local parts tell its receivers how to behave:
`gone.` does not exist, `later.` is answered 451 first, `full.` is over its quota. Twelve rows are broken on purpose.
"""

import csv
import random
import unicodedata
from pathlib import Path

ROWS = 2000
GONE, LATER, FULL = 40, 30, 6
TARGET = Path(__file__).parents[1] / "src" / "lettershop" / "samples" / "subscribers.csv"

PEOPLE = {
    "en": (["Anna", "Ben", "Chloe", "Daniel", "Emma", "Finn", "Grace", "Harry", "Isla", "Jack", "Katie", "Liam", "Mia", "Noah",
            "Olivia", "Peter", "Ruby", "Sam", "Tessa", "William"],
           ["Adams", "Baker", "Clarke", "Doyle", "Evans", "Foster", "Green", "Hughes", "O'Neill", "Smith", "Taylor", "Walsh",
            "Wright", "Young", "King", "Murphy", "Fitz-Gerald", "Parker"],
           [("London", "GB"), ("Leeds", "GB"), ("Dublin", "IE"), ("Bristol", "GB"), ("Cork", "IE"), ("Boston, MA", "US")]),
    "de": (["Jürgen", "Käthe", "Björn", "Sören", "Anja", "Lena", "Moritz", "Jörg", "Ute", "Greta", "Matthias", "Heike"],
           ["Müller", "Schröder", "Weiß", "Köhler", "Schmidt", "Bäcker", "Größmann", "Hoffmann", "von der Heide", "Krüger"],
           [("Berlin", "DE"), ("Köln", "DE"), ("München", "DE"), ("Zürich", "CH"), ("Wien", "AT"), ("Hamburg", "DE")]),
    "fr": (["Chloé", "André", "Éloïse", "François", "Hélène", "Jérôme", "Noëlle", "Zoé", "Léa", "Théo"],
           ["Lefèvre", "Dupont", "Béranger", "Garçon", "d'Aubigné", "Rousseau", "Gauthier", "Moreau"],
           [("Paris", "FR"), ("Lyon", "FR"), ("Orléans", "FR"), ("Genève", "CH"), ("Liège", "BE")]),
    "es": (["José", "María", "Íñigo", "Lucía", "Ramón", "Inés", "Begoña", "Ángel"],
           ["García", "Muñoz", "Peña", "Núñez", "Ibáñez", "López", "Martínez"],
           [("Madrid", "ES"), ("Málaga", "ES"), ("A Coruña", "ES"), ("Cádiz", "ES")]),
    "pl": (["Łukasz", "Zofia", "Michał", "Agnieszka", "Paweł", "Małgorzata"],
           ["Wójcik", "Dąbrowski", "Kowalska", "Wiśniewski", "Żak"],
           [("Kraków", "PL"), ("Łódź", "PL"), ("Warszawa", "PL")]),
}  # fmt: skip
LANGUAGES = ["en"] * 9 + ["de"] * 6 + ["fr"] * 3 + ["es"] * 2 + ["pl"]
DOMAINS = ["inbox.example"] * 60 + ["freemail.example"] * 25 + ["office.example"] * 15
PLANS = ["free"] * 9 + ["plus"] * 6 + ["pro"] * 5
COMPANIES = ["", "", "", "Brown, Hart & Sons", 'Café "Zum Anker"', "Nordlicht GmbH", "Atelier Léa", "Pine; Oak & Co."]
BROKEN = [
    {"email": "no-at-sign.inbox.example"},
    {"email": "two@@inbox.example"},
    {"email": ""},
    {"email": "spaces in@inbox.example"},
    {"email": "trailing.dot.@inbox.example"},
    {"email": "nobody@"},
    {"email": "@inbox.example"},
    {"email": "double..dots@inbox.example"},
    {"email": "bad@-hyphen.example"},
    {"email": "a@b@inbox.example"},
    None,  # too few columns
    ...,  # too many columns
]
HEADER = ["email", "first_name", "last_name", "company", "city", "country", "language", "plan", "orders", "last_order",
          "total", "birthday", "favourite", "newsletter_since", "vip"]  # fmt: skip
FAVOURITES = ["tea", "candles", "plants", "linen", "ceramics", "books", ""]


def plain(text: str) -> str:
    """A name as it stands in an address."""
    text = text.translate(str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "'": "", " ": ".", "’": ""}))
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def person(dice: random.Random, number: int, prefix: str) -> dict[str, str]:
    """One subscriber."""
    language = dice.choice(LANGUAGES)
    first_names, last_names, cities = PEOPLE[language]
    first, last = dice.choice(first_names), dice.choice(last_names)
    city, country = dice.choice(cities)
    orders = max(0, int(dice.gauss(4, 5)))
    local = f"{prefix}{plain(first)}.{plain(last)}{number}"
    known = dice.random() > 0.04
    return {
        "email": f"{local}@{dice.choice(DOMAINS)}",
        "first_name": first if known else "",
        "last_name": last if known else "",
        "company": dice.choice(COMPANIES),
        "city": city if dice.random() > 0.03 else "",
        "country": country,
        "language": language,
        "plan": dice.choice(PLANS),
        "orders": str(orders),
        "last_order": f"2026-{dice.randint(1, 10):02}-{dice.randint(1, 28):02}" if orders else "",
        "total": f"{orders * dice.randint(12, 90)}.{dice.randint(0, 9)}5" if orders else "0",
        "birthday": f"{dice.randint(1950, 2005)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
        if dice.random() > 0.4
        else "",
        "favourite": dice.choice(FAVOURITES),
        "newsletter_since": f"{dice.randint(2019, 2026)}-{dice.randint(1, 9):02}-{dice.randint(1, 28):02}",
        "vip": "yes" if orders > 10 else "no",
    }


def rows() -> list[list[str]]:
    """All rows, the broken ones among them."""
    dice = random.Random(1896)  # noqa: S311 sample data
    prefixes = ["gone."] * GONE + ["later."] * LATER + ["full."] * FULL
    good = ROWS - len(BROKEN)
    prefixes += [""] * (good - len(prefixes))
    dice.shuffle(prefixes)
    made = [list(person(dice, number, prefix).values()) for number, prefix in enumerate(prefixes, 1)]
    for index, broken in enumerate(BROKEN):
        row = list(person(dice, 9000 + index, "").values())
        if isinstance(broken, dict):
            row[0] = broken["email"]
        made.insert(97 + index * 151, row[:5] if broken is None else [*row, "one", "more"] if broken is ... else row)
    return made


def main() -> None:
    """Write the file."""
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows())


if __name__ == "__main__":
    main()
