"""The newsletter of the campaign benchmark: about 30 KB as sent, 15 fields in 49 places, 12 tracked links, HTML and text."""

FIELDS = [
    "first_name", "last_name", "city", "shop", "tier", "points", "since", "last_order", "product", "colour", "size",
    "code", "amount", "birthday", "adviser",
]  # fmt: skip
LINKS = 12
SLOTS = 49
SUBJECT = "{{ first_name | default('Dear reader') }}, the news from {{ city }}"

_WORDS = (
    "The spring collection is here, and with it the colours that our customers asked for all winter long: a soft green, "
    "a warm ochre and the blue that everybody remembers from the harbour. Every piece is made in small numbers by people "
    "whom we know by name, from wool that travels less than a hundred miles. "
)


def html() -> str:
    """The HTML source with its template fields."""
    blocks = []
    for number in range(SLOTS):
        field = FIELDS[number % len(FIELDS)]
        link = (
            f'<p><a href="https://shop.brand.example/spring/offer-{number}?colour=green">Look at offer {number}</a></p>'
            if number % 4 == 0 and number // 4 < LINKS
            else ""
        )
        blocks.append(f'<p style="margin:0">{{{{ {field} }}}}, {_WORDS[: 160 + 7 * (number % 20)]}</p>{link}')
    return (
        "<html><head><title>Spring</title></head><body><h1>Spring</h1>"
        + "\n".join(blocks)
        + '<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>'
    )


_NAMES = ("Ann", "Ben", "Carla", "David", "Emma", "Felix", "Inès", "Jack", "Karin", "Liam", "Maya", "Noah", "Renée")
_CITIES = ("Berlin", "Bristol", "Zürich", "Lyon", "New York", "Porto", "Oslo", "Málaga", "Vienna", "Ghent", "Turin")
_THINGS = ("Harbour Sweater", "Lambswool Scarf", "Café Apron", "Linen Shirt", "Rain Jacket", "Walking Boots")


def attributes(number: int) -> dict[str, str | int]:
    """One person's fields: short words, figures and dates, every sixth with a letter beyond ASCII, as people have them."""
    return {
        "first_name": _NAMES[number % len(_NAMES)], "last_name": f"Miller-{number}", "city": _CITIES[number % len(_CITIES)],
        "shop": f"Harbour Street {number % 90}", "tier": ("Silver", "Gold")[number % 2], "points": number % 5000,
        "since": f"{2005 + number % 20}", "last_order": f"{1 + number % 28} March 2026",
        "product": _THINGS[number % len(_THINGS)], "colour": ("ochre", "soft green", "harbour blue")[number % 3],
        "size": "SML"[number % 3], "code": f"SPRING-{number:06}", "amount": f"{number % 300}.50 EUR",
        "birthday": f"{1 + number % 28} May", "adviser": _NAMES[(number + 7) % len(_NAMES)],
    }  # fmt: skip
