"""What a message may begin with when it is designed: MJML that is complete by law, with words to be replaced. [pure]"""

_FOOT = """<mj-section padding="0 0 24px">
<mj-column>
<mj-divider border-width="1px" border-color="#dddddd"></mj-divider>
<mj-text font-size="12px" color="#666666" align="center">{{ postal_address }}<br>
<a href="{{ unsubscribe_url }}">{unsubscribe}</a> · <a href="{{ web_version_url }}">{browser}</a></mj-text>
</mj-column>
</mj-section>"""
_HEAD = """<mj-section background-color="#23508a" padding="24px 0">
<mj-column>
<mj-text font-size="24px" color="#ffffff" align="center">{{ brand }}</mj-text>
</mj-column>
</mj-section>"""
_LETTER = """<mj-section background-color="#ffffff">
<mj-column>
<mj-text font-size="16px" line-height="1.5">{hello} {{ first_name | default("{there}") }},</mj-text>
<mj-text font-size="16px" line-height="1.5">…</mj-text>
</mj-column>
</mj-section>"""
_CARD = """<mj-section background-color="#ffffff">
<mj-column>
<mj-text font-size="20px" line-height="1.3">{heading}</mj-text>
<mj-text font-size="16px" line-height="1.5">…</mj-text>
<mj-button background-color="#23508a" href="https://">{button}</mj-button>
</mj-column>
</mj-section>"""
_TWO = """<mj-section background-color="#ffffff">
<mj-column>
<mj-text font-size="18px" line-height="1.3">{heading}</mj-text>
<mj-text>…</mj-text>
</mj-column>
<mj-column>
<mj-text font-size="18px" line-height="1.3">{heading}</mj-text>
<mj-text>…</mj-text>
</mj-column>
</mj-section>"""
_PARTS = {"letter": (_LETTER,), "offer": (_HEAD, _LETTER, _CARD), "news": (_HEAD, _LETTER, _CARD, _TWO), "empty": ()}

WORDS = {
    "en": {
        "unsubscribe": "Unsubscribe", "browser": "View in the browser", "hello": "Hello", "there": "there",
        "heading": "A heading", "button": "Read more",
    },
    "de": {
        "unsubscribe": "Abmelden", "browser": "Im Browser ansehen", "hello": "Hallo", "there": "zusammen",
        "heading": "Eine Überschrift", "button": "Mehr lesen",
    },
}  # fmt: skip
"""The words of the layouts, by language."""


def layout(name: str, language: str = "en") -> str:
    """The MJML of a layout; of a letter if there is none of the name."""
    body = "\n".join((*_PARTS.get(name, _PARTS["letter"]), _FOOT))
    for place, words in WORDS.get(language, WORDS["en"]).items():
        body = body.replace(f"{{{place}}}", words)
    return f'<mjml>\n<mj-body background-color="#f4f4f4">\n{body}\n</mj-body>\n</mjml>\n'
