"""What an attribute's field means, by the kind of what was there."""

import pytest

from lettershop.base.errors import Invalid
from lettershop.servers.web.pages.contact_acts import alike
from lettershop.servers.web.pages.contacts import shown


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("Oslo", "Bergen", "Bergen"), ("Oslo", "", None), (3, "4", 4), (3, "4,5", 4.5), (True, "no", False),
        (False, "Ja", True), (None, "x", "x"), ("12", "13", "13"),
    ],
)  # fmt: skip
def test_an_attribute_keeps_its_kind(before, text, after):
    assert alike(before, text) == after
    assert type(alike(before, text)) is type(after)


@pytest.mark.parametrize("text", ["many", "1e999", "nan"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(Invalid):
        alike(3, text)


def test_lists_are_left_to_the_api():
    assert shown({"city": "Oslo", "vip": True, "none": None, "sizes": [1, 2]}) == [
        ("city", "Oslo"), ("vip", "yes"), ("none", ""),
    ]  # fmt: skip
