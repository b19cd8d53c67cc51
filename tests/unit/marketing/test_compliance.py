"""The check before sending: each rule by its name."""

from dataclasses import replace

import pytest

from lettershop.marketing.compliance import Case, NotReady, describe, examine
from lettershop.marketing.content import Design
from lettershop.marketing.render import compile_design

HTML = '<p>Hi {{ name|default("you") }}</p><a href="{{ unsubscribe_url }}">u</a> {{ postal_address }}'
GOOD = Design(
    campaign_id=1, version=1, workspace_id=1, subject="S", html=HTML, from_name="B", from_address="b@b.example",
    public_url="https://m.example", postal_address="Road 1\nTown",
)  # fmt: skip


def case(design=GOOD, **more):
    values = {
        "audience": 5,
        "without_consent": 0,
        "domain_known": True,
        "algorithms": ("rsa", "ed25519"),
        "template_error": "",
    }
    return Case(design, compile_design(design), **{**values, **more})


def codes(found, severity):
    return {finding.code for finding in found if finding.severity == severity}


def test_a_good_campaign_has_no_findings():
    assert examine(case()) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"postal_address": " "}, "postal-address"),
        ({"html": HTML.replace("{{ postal_address }}", "")}, "postal-address"),
        ({"html": HTML.replace("{{ unsubscribe_url }}", "https://x.example")}, "unsubscribe-link"),
        ({"text": "no way out"}, "unsubscribe-link"),
        ({"subject": " "}, "subject"),
    ],
)
def test_what_the_message_lacks(changed, code):
    assert codes(examine(case(replace(GOOD, **changed))), "error") == {code}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"audience": 0}, "recipients"),
        ({"without_consent": 2}, "consent"),
        ({"domain_known": False}, "sender-domain"),
        ({"algorithms": ()}, "sender-key"),
        ({"template_error": "A {{ is not closed."}, "template"),
    ],
)
def test_what_keeps_it_from_being_sent(changed, code):
    found = examine(case(**changed))
    assert codes(found, "error") == {code}
    assert code in NotReady(found).public or NotReady(found).code == code


def test_whose_consent_is_over_is_told():
    found = examine(case(lapsed=2))
    assert codes(found, "error") == set()
    assert "consent-over" in codes(found, "warning")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"html": HTML + "<p>" + "x" * 110_000 + "</p>"}, "size"),
        (
            {
                "html": HTML
                + '<img src="https://x.example/a"><img src="https://x.example/b" alt=""> words enough to say what this message is about'
            },
            "image-text",
        ),
        ({"html": HTML + "{{ city }} {{ email }}"}, "fall-back"),
        ({"subject": "S" * 151}, "subject-long"),
    ],
)
def test_what_should_be_looked_at(changed, code):
    found = examine(case(replace(GOOD, **changed)))
    assert codes(found, "warning") == {code} and codes(found, "error") == set()
    assert describe(found)[0]["code"] == code


def test_an_address_that_is_written_out_counts_too():
    assert examine(case(replace(GOOD, html=HTML.replace("{{ postal_address }}", "Road 1, Town")))) == []


def test_what_cannot_be_made_for_who_lacks_it_is_pointed_out():
    wanting = replace(GOOD, html=HTML + "{{ price - 2 }}")
    assert "fall-back" in codes(examine(case(wanting)), "warning")
    careful = replace(GOOD, html=HTML + "{% if price %}{{ price - 2 }}{% endif %}")
    assert examine(case(careful)) == []


def test_images_of_mjml_are_looked_at_as_they_are_sent():
    columns = "<mj-section><mj-column><mj-image src='https://m.example/a.png' {} /><mj-text>{}</mj-text></mj-column></mj-section>"
    bare = replace(GOOD, format="mjml", html=f"<mjml><mj-body>{columns.format('', HTML)}</mj-body></mjml>")
    assert "image-text" in codes(examine(case(bare)), "warning")
    said = "alt='Tea'"
    good = replace(GOOD, format="mjml", html=f"<mjml><mj-body>{columns.format(said, HTML)}</mj-body></mjml>")
    assert examine(case(good)) == []
