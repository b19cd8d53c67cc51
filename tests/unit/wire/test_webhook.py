"""Signatures of webhooks: the vector that the Standard Webhooks libraries share, rotation, what is not taken."""

import pytest

from lettershop.wire.webhook import BadSecret, headers, key_of, secret_of, signature, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_vector_of_the_standard():
    assert signature(key_of(SECRET), ID, str(AT), BODY) == SIGNED
    assert dict(headers([SECRET], ID, AT + 0.9, BODY)) == {
        "webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNED,
    }  # fmt: skip


def test_while_a_secret_is_changed_both_are_good():
    new = secret_of(bytes(range(32)))
    signatures = dict(headers([new, SECRET], ID, AT, BODY))["webhook-signature"]
    for secret in (new, SECRET):
        assert verify(secret, ID, str(AT), signatures, BODY, now=AT + 10)
    assert not verify(secret_of(bytes(32)), ID, str(AT), signatures, BODY, now=AT)


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": "msg_other"}, {"timestamp": str(AT + 1)}, {"body": BODY + b" "}, {"signatures": SIGNED[:-2]},
        {"signatures": ""}, {"timestamp": "now"}, {"timestamp": ""}, {"now": AT + 301.0}, {"now": AT - 301.0},
    ],
)  # fmt: skip
def test_what_was_changed_or_is_old_is_not_taken(change):
    good = {"event_id": ID, "timestamp": str(AT), "signatures": SIGNED, "body": BODY, "now": float(AT)}
    assert verify(SECRET, **good)
    assert not verify(SECRET, **{**good, **change})


def test_a_secret_survives_its_written_form():
    for size in (24, 32, 64):
        assert key_of(secret_of(bytes(range(size)))) == bytes(range(size))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whsec_AAAA", secret_of(bytes(65))])
def test_what_is_no_secret_is_refused(secret):
    with pytest.raises(BadSecret):
        key_of(secret)
