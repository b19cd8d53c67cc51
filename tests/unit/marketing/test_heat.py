"""Figures of links on the message."""

from lettershop.marketing.heat import warmed

PAGE = (
    '<p><a href="https://m.example/c/abc234/1" style="color:red;" target="_blank" class="x">Shop</a> '
    '<A class="y" HREF="https://m.example/c/abc234/2">News</A> <a href="https://m.example/c/abc234/3">Quiet</a> '
    '<a href="https://m.example/u/abc234">Leave</a></p>'
)


def test_each_tracked_link_has_its_people_and_leads_nowhere():
    page = warmed(PAGE, {1: 40, 2: 3}, 1000)
    assert "/c/" not in page
    assert page.count('href="#"') == 3
    for words in (
        "40 · 4.0 %",
        "3 · 0.3 %",
        "0 · 0.0 %",
        ">Shop</a>",
        ">News</A>",
        'class="x"',
        'class="y"',
        "color:red",
    ):
        assert words in page
    assert '<a href="https://m.example/u/abc234">Leave</a>' in page
    assert "_blank" not in page
    assert page.index("#a52a2a") < page.index("40 ·")  # the warmest


def test_without_anybody_nothing_is_divided():
    assert "0 · –" in warmed(PAGE, {}, 0)
