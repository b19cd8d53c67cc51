"""No page is forgotten: whatever can be asked for by GET is among those that axe looks at in both themes and two widths."""

from tests.browser.test_interface import PATHS

from lettershop.servers.web.frame import Ui

NO_PAGE = {
    "/contacts/{id:int}/data",
    "/login",
    "/login/code",
    "/imports/{id:int}/rejected.csv",
    "/campaigns/{id:int}/message",
    "/campaigns/{id:int}/heat",
    "/templates/{id:int}/message",
}
"""The doors are looked at by themselves; files and framed messages have no page."""


def test_every_page_is_looked_at(staged, monkeypatch):
    made = []

    class Kept(Ui):
        def __init__(self, *parts):
            super().__init__(*parts)
            made.append(self)

    monkeypatch.setattr("lettershop.servers.web.app.Ui", Kept)
    staged.stage()
    (ui,) = made
    asked = [path.partition("?")[0] for path in PATHS]
    routes = [route for screen in ui.screens for route in screen.routes if "GET" in (route.methods or ())]
    assert len(routes) > 20
    missed = {route.path for route in routes if not any(route.path_regex.match(path) for path in asked)}
    assert missed - NO_PAGE == set(), "Name one of each kind in PATHS of tests/browser/test_interface.py."
