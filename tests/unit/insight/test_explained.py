"""A header in words, in its order."""

from lettershop.insight.explained import LONGEST, explain


def test_known_fields_are_explained_and_the_others_only_shown():
    raw = (
        b"DKIM-Signature: v=1;\r\n\td=brand.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Own: 1\r\n"
        b"X-Long: " + b"y" * 500 + b"\r\n\r\nbody: no field\r\n"
    )
    found = explain(raw)
    assert [one.name for one in found] == ["DKIM-Signature", "Subject", "X-Own", "X-Long"]
    assert "DNS" in found[0].why
    assert (found[1].value, found[2].why) == ("Grüße", "")
    assert len(found[3].value) == LONGEST + 1
