"""The editors in Chromium: a file of people, a segment by clicks, a campaign by drag and drop; on the staged interface."""

from dataclasses import replace

import pytest
from tests.browser.test_interface import VENDOR, Seen, browser, pytestmark, server, until

__all__ = ["browser", "pytestmark", "server"]
needs_editors = pytest.mark.skipif(
    not (VENDOR / "grapes.js").exists(), reason="no editors among the front-end files (make static)"
)


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


def test_a_segment_is_put_together_by_clicks_and_counted(browser, server):
    seen = Seen(browser, server)
    page = seen.sign_in()
    page.goto("/segments/new")
    page.fill("#name", "Ours")
    page.select_option("#field-0\\.0", "attribute:city")
    page.wait_for_selector("#found .notice-watch")
    page.locator("#value-0\\.0").press_sequentially("Berlin")
    until(page, lambda: page.locator("#found code").all_inner_texts() == ['city = "Berlin"'])
    assert page.input_value("#value-0\\.0") == "Berlin"
    page.click("text=Add a group")
    page.wait_for_selector("#join-0\\.1")
    page.click("#do-add-0\\.1")
    page.wait_for_selector("#field-0\\.1\\.1")
    page.select_option("#field-0\\.1\\.0", "attribute:orders")
    page.wait_for_selector("#op-0\\.1\\.0 option[value='<=']", state="attached")
    page.fill("#value-0\\.1\\.0", "3")
    page.select_option("#join-0\\.1", "none")
    until(
        page,
        lambda: "not (orders = 3 or opened in last 30 days)" in " ".join(page.locator("#found code").all_inner_texts()),
    )
    page.click("#do-remove-0\\.1\\.1")
    until(page, lambda: page.locator("#field-0\\.1\\.1").count() == 0)
    assert page.url.endswith("/segments/new")
    page.focus("#name")
    page.keyboard.press("Enter")
    page.wait_for_url("**/segments/4?done=saved")
    assert seen.stage.segments.saved[4].words == 'city = "Berlin" and not orders = 3'
    seen.done()


def test_what_is_typed_while_an_answer_is_on_its_way_stays(browser, server):
    seen = Seen(browser, server)
    page = seen.sign_in()
    page.goto("/segments/new")
    page.select_option("#field-0\\.0", "attribute:orders")
    page.wait_for_selector("#op-0\\.0 option[value='<=']", state="attached")
    held = []
    page.route("**/segments/preview", lambda route: held.append(route), times=1)
    page.select_option("#op-0\\.0", ">")
    until(page, lambda: held)
    page.fill("#value-0\\.0", "7")
    held[0].continue_()
    until(page, lambda: page.locator("#found code").all_inner_texts() == ["orders > 7"])
    assert page.input_value("#value-0\\.0") == "7"
    seen.done()


def test_without_script_rows_are_added_by_buttons(browser, server):
    seen = Seen(browser, server, java_script_enabled=False)
    page = seen.sign_in()
    page.goto("/segments/new")
    page.fill("#name", "Ours")
    page.click("text=Add a condition")
    page.wait_for_url("**/segments/preview")
    page.select_option("#field-0\\.1", "tag")
    page.click("#builder >> text=/^Count$/")
    page.fill("#value-0\\.1", "vip")
    page.click("#do-remove-0\\.0")
    page.click("#builder button.btn-primary")
    page.wait_for_url("**/segments/4?done=saved")
    assert seen.stage.segments.saved[4].words == 'tagged "vip"'
    seen.done()


HARD = """<mjml><mj-head><mj-title>T</mj-title><mj-attributes><mj-all font-family="Georgia" /></mj-attributes></mj-head>
<mj-body background-color="#eeeeee"><!-- a note --><mj-section><mj-column><mj-image alt="A &amp; &quot;b&quot;" />
<mj-text>Hi {{ first_name | default("there") }}, {% if orders > 3 and x < 2 %}<b>thanks</b>&nbsp;&copy;{% endif %}<br>two</mj-text>
<mj-button href='{{ shop_url | default("x") }}?a=1&amp;b=2'>Go</mj-button></mj-column></mj-section>
{% if plan == "pro" %}<mj-section><mj-column><mj-text>Pro {# note #}</mj-text></mj-column></mj-section>{% endif %}
<mj-raw><div>{{ x }}</div></mj-raw>
<mj-section><mj-column><mj-table><tr><td>1 {{ a < b }}</td></tr></mj-table>{{ free }}</mj-column></mj-section>
</mj-body></mjml>"""
CAME_BACK = (
    '<mj-all font-family="Georgia" />', "<!-- a note -->",
    '<mj-image alt="A &amp; &quot;b&quot;"></mj-image>', '{{ first_name | default("there") }}',
    "{% if orders > 3 and x < 2 %}<b>thanks</b>",
    'href="{{ shop_url | default("x") }}?a=1&amp;b=2"', '{% if plan == "pro" %}\n<mj-section>',
    "Pro {# note #}", "</mj-section>\n{% endif %}", "<mj-raw><div>{{ x }}</div></mj-raw>",
    "<mj-table><tr><td>1 {{ a < b }}</td></tr></mj-table>\n{{ free }}",
)  # fmt: skip
CANVAS = "#canvas iframe.gjs-frame"


def designed(seen, path):
    page = seen.sign_in()
    page.goto(path)
    page.wait_for_selector(".gjs-block[role=button]")
    message = page.frame_locator(CANVAS)
    message.locator("mj-body, [data-gjs-type=mj-body]").first.wait_for()
    return page, message


def drag(page, block, target):
    """As a hand does it: press, begin to move, come over the lower half of the target, let go."""
    start, end = page.locator(".gjs-block", has_text=block).bounding_box(), target.bounding_box()
    page.mouse.move(start["x"] + 20, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 30, steps=5)
    page.mouse.move(end["x"] + 50, end["y"] + end["height"] / 2, steps=12)
    for _ in range(3):
        page.wait_for_timeout(120)
        page.mouse.move(end["x"] + 52, end["y"] + end["height"] - 1, steps=3)
    page.mouse.up()


@needs_editors
def test_a_campaign_is_designed_by_drag_and_drop_saved_previewed_and_sent(browser, server):
    seen = Seen(browser, server, viewport={"width": 1440, "height": 900})
    drafts = seen.stage.writing.drafts
    page, message = designed(seen, "/campaigns/2/design")
    drag(page, "Button", message.locator("text=A heading").first)
    message.locator("text=/^Button$/").wait_for()
    until(page, lambda: "Not saved" in page.inner_text(".design-state"))
    page.click("#design-save")
    until(page, lambda: page.inner_text(".design-state") == "Saved")
    html = drafts[2].draft.html
    first = html.index("A heading</mj-text>\n<mj-button>Button</mj-button>")
    assert first < html.index("Read more")
    assert '{{ first_name | default("there") }}' in html
    message.locator("text=A heading").first.dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Cotton paper for ")
    page.select_option("#personal", label="orders")
    page.keyboard.press("Escape")
    page.click("text=Save, check and preview")
    page.wait_for_url("**/campaigns/2/edit?done=saved")
    assert 'Cotton paper for {{ orders | default("…") }}' in drafts[2].draft.html.replace("&nbsp;", " ").replace(
        "\xa0", " "
    )
    assert page.locator("iframe:not(.letter-dark)").count() == 2
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("text=Send the campaign")
    page.wait_for_url("**/campaigns/2")
    assert seen.stage.writing.told[-1][:2] == ("schedule", 2)
    seen.complaints = [
        words for words in seen.complaints if "404" not in words
    ]  # the staged report knows no campaign 2
    seen.done()


@needs_editors
def test_what_the_designer_cannot_show_comes_back_as_it_was(browser, server):
    seen = Seen(browser, server, viewport={"width": 1440, "height": 900})
    seen.stage.writing._keep(8, {"name": "Hard", "format": "mjml", "html": HARD})
    page, message = designed(seen, "/campaigns/8/design")
    message.locator("text=two").wait_for()
    page.click("#design-save")
    until(page, lambda: page.inner_text(".design-state") == "Saved")
    html = seen.stage.writing.drafts[8].draft.html
    assert [words for words in CAME_BACK if words not in html] == []
    page.click("#show-code")
    page.fill("#mjml", html.replace(">Go<", ">Off<"))
    page.click("#show-code")
    message.locator("text=Off").wait_for()
    page.click("#design-save")
    until(page, lambda: ">Off<" in seen.stage.writing.drafts[8].draft.html)
    again = seen.stage.writing.drafts[8].draft.html
    assert again == html.replace(">Go<", ">Off<"), "a second time nothing changes"
    seen.done()


@needs_editors
def test_blocks_are_put_by_keyboard_pictures_come_from_the_library_and_undo_works(browser, server):
    seen = Seen(browser, server, viewport={"width": 1440, "height": 900})
    page, message = designed(seen, "/campaigns/2/design")
    message.locator("text=A heading").first.click()
    page.locator(".gjs-block", has_text="Divider").focus()
    page.keyboard.press("Enter")
    until(page, lambda: message.locator("[data-gjs-type=mj-divider]").count() == 2)
    page.click("[data-do='core:undo']")
    until(page, lambda: message.locator("[data-gjs-type=mj-divider]").count() == 1)
    message.locator("text=Read more").click()
    page.locator(".gjs-block", has_text="Image").press("Enter")
    message.locator("[data-gjs-type=mj-image]").first.dblclick()
    page.wait_for_selector(".gjs-am-asset")
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
    page.set_input_files(
        ".gjs-am-file-uploader input[type=file]", {"name": "new.png", "mimeType": "image/png", "buffer": png}
    )
    until(page, lambda: page.locator(".gjs-am-asset").count() == 2)
    page.locator(".gjs-am-asset", has_text="logo.png").dblclick()
    page.click("#design-save")
    until(page, lambda: "/m/logo/logo.png" in seen.stage.writing.drafts[2].draft.html)
    ours = "http://mail.brand.example/"
    seen.asked = [url for url in seen.asked if not url.startswith((ours, "blob:"))]
    seen.complaints = [
        words for words in seen.complaints if "ERR_NAME_NOT_RESOLVED" not in words and "Failed to load" not in words
    ]
    seen.done()


@needs_editors
def test_a_refused_design_is_told_and_stays(browser, server):
    seen = Seen(browser, server, viewport={"width": 1440, "height": 900})
    page, _ = designed(seen, "/campaigns/2/design")
    page.click("#show-code")
    page.fill("#mjml", "x" * 10)
    seen.stage.writing.refuse = "The message is not MJML."
    page.click("#design-save")
    until(page, lambda: "The message is not MJML." in page.inner_text("#design-error"))
    assert page.input_value("#mjml") == "x" * 10
    seen.complaints = [words for words in seen.complaints if "409" not in words]
    page.on("dialog", lambda dialog: dialog.accept())
    seen.done()


def test_without_script_a_design_is_written_as_mjml(browser, server):
    seen = Seen(browser, server, java_script_enabled=False)
    page = seen.sign_in()
    page.goto("/campaigns/3/design")
    page.click("text=News in two columns")
    page.click("main >> button >> text=Design it")
    page.wait_for_url("**/campaigns/3/design")
    assert page.input_value("#mjml").startswith("<mjml>")
    page.fill("#mjml", "<mjml><mj-body></mj-body></mjml>")
    page.click("text=Save, check and preview")
    page.wait_for_url("**/campaigns/3/edit?done=saved")
    assert seen.stage.writing.drafts[3].draft.html == "<mjml><mj-body></mj-body></mjml>"
    seen.done()


@needs_editors
def test_html_is_written_with_a_code_editor_that_keeps_the_field(browser, server):
    seen = Seen(browser, server)
    page = seen.sign_in()
    page.goto("/campaigns/3/edit")
    page.click(".code-editor .ace_content")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("<p>New")
    page.wait_for_selector(".code-editor .ace_tag-name")
    page.click("text=/^Save$/")
    page.wait_for_url("**/campaigns/3/edit?done=saved")
    assert seen.stage.writing.drafts[3].draft.html == "<p>New</p>"
    page.select_option("#format", "markdown")
    assert page.is_visible("#body")
    assert not page.is_visible(".code-editor")
    page.fill("#body", "# Hello")
    page.click("main >> text=Design it by drag and drop")
    page.wait_for_url("**/campaigns/3/design")
    assert seen.stage.writing.drafts[3].draft.html == "# Hello"
    seen.done()
