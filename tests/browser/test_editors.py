"""The editors in Chromium: a file of people, a segment by clicks, a campaign by drag and drop; on the staged interface."""

from dataclasses import replace

from tests.browser.test_interface import Seen, browser, pytestmark, server, until

__all__ = ["browser", "pytestmark", "server"]


def test_a_file_is_uploaded_its_columns_named_and_taken_in(browser, server):
    seen = Seen(browser, server)
    page = seen.sign_in()
    page.goto("/contacts")
    page.click("main >> text=Import")
    content = "Mail;Ort;Kunde seit\nann@a.example;Ulm;2024-01-31\nbo@b.example;Gent;2025-02-01\n"
    page.set_input_files("#file", {"name": "shop.csv", "mimeType": "text/csv", "buffer": content.encode()})
    page.click("text=Upload and look at it")
    page.wait_for_url("**/imports/4")
    assert page.is_visible("text=kunde_seit: date")
    page.fill("[name=attribute-3]", "since")
    page.select_option("[name=way-2]", "-")
    until(page, lambda: page.locator("#preview .chip").all_inner_texts() == ["since: date"])
    assert page.input_value("[name=attribute-3]") == "since"
    page.fill("#basis", "bought something in 2025")
    page.click("text=Take them in")
    page.wait_for_url("**/imports/4?done=begun")
    assert seen.stage.imports.told[-1][2].columns == {"Kunde seit": "since", "Ort": "-"}
    jobs = seen.stage.imports.jobs
    jobs[4] = replace(jobs[4], state="done", rows=2, created=2)
    page.wait_for_selector("text=Write to them")
    until(page, lambda: page.get_attribute("#progress", "hx-get") is None)
    seen.done()


def test_a_file_is_imported_without_script(browser, server):
    seen = Seen(browser, server, java_script_enabled=False)
    page = seen.sign_in()
    page.goto("/imports/3")
    page.select_option("[name=way-4]", "-")
    page.click("text=Look again")
    page.wait_for_url("**/imports/3/look")
    assert page.locator("#preview .chip").all_inner_texts() == ["bestellungen: number"]
    page.fill("#basis", "left a card")
    page.click("text=Take them in")
    page.wait_for_url("**/imports/3?done=begun")
    assert seen.stage.imports.told[-1][2].columns == {"Stadt": "-"}
    seen.done()
