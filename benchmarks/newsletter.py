"""The newsletter of the campaign benchmark: about 30 KB as sent, 15 fields in 49 places, 12 tracked links, HTML and text."""

FIELDS = [f"field{number}" for number in range(1, 14)] + ["first_name", "city"]
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


def attributes(number: int) -> dict[str, str]:
    """One person's fields; short words with an accent here and there, as people have them."""
    values = {field: f"Wért {number % 97} of {field}" for field in FIELDS}
    return values | {"first_name": f"Ann{number % 1000}", "city": f"Zürich {number % 50}"}
