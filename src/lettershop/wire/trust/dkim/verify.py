"""Checks DKIM signatures (RFC 6376 6). Each signature is a Check that asks for its key. [pure]

    results = [drive(check, ask) for check in checks(message, now)]

`pass` means that the domain `d=` took responsibility for what was signed, no more; who may speak for the From domain is
DMARC's question. Words for results are those of RFC 8601 2.7.1.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import compare_digest
from itertools import islice
from typing import Literal

from lettershop.wire.message import headers
from lettershop.wire.message.headers import Field, Header
from lettershop.wire.trust.dkim.canonical import relaxed_body, relaxed_field, simple_body
from lettershop.wire.trust.dkim.keys import PublicKey, Revoked, Unacceptable, parse_record
from lettershop.wire.trust.dkim.tags import BadTags, Form, Signature, parse_signature
from lettershop.wire.trust.questions import Check, Query

MOST = 10
"""Signatures looked at; more are not worth their look-ups (RFC 6376 8.4)."""
SKEW = 300.0
"""Seconds by which clocks may differ."""

Verdict = Literal["pass", "fail", "policy", "neutral", "temperror", "permerror"]

_B_VALUE = re.compile(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


@dataclass(frozen=True, slots=True)
class DkimResult:
    """What became of one signature. `uncovered`: octets of the canonical body that l= leaves unsigned, anybody's words."""

    verdict: Verdict
    reason: str
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    start: str = ""
    testing: bool = False
    uncovered: int = 0
    names: tuple[str, ...] = ()


class _Wrong(Exception):
    """A step says no."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict: Verdict = verdict
        self.reason = reason


class _Message:
    """The message, with its canonical bodies and their hashes made at most once."""

    def __init__(self, message: bytes) -> None:
        self.data = message
        self.header: Header = headers.parse(message)
        self._body = message[self.header.body :]
        self._bodies: dict[Form, bytes] = {}
        self._hashes: dict[tuple[Form, int | None], bytes] = {}

    def body(self, form: Form) -> bytes:
        if form not in self._bodies:
            self._bodies[form] = relaxed_body(self._body) if form == "relaxed" else simple_body(self._body)
        return self._bodies[form]

    def body_hash(self, form: Form, length: int | None) -> bytes:
        key = (form, length)
        if key not in self._hashes:
            self._hashes[key] = sha256(self.body(form)[:length]).digest()
        return self._hashes[key]


def checks(message: bytes, now: float) -> list[Check[DkimResult]]:
    """One check per signature, from the top; they are independent and may be driven at the same time."""
    parsed = _Message(message)
    return [_check(parsed, field, now) for field in islice(parsed.header.all("DKIM-Signature"), MOST)]


def _check(message: _Message, field: Field, now: float) -> Check[DkimResult]:
    try:
        signature = parse_signature(field.raw.decode("utf-8", "surrogateescape"))
    except BadTags as error:
        return DkimResult("neutral", error.public)
    try:
        _precheck(message, signature, now)
        answer = yield Query(signature.key_name, "TXT")
        if answer.status == "failed":
            raise _Wrong("temperror", "no answer for the key")
        key = _key(answer.records, signature)
        _verify(message, field, signature, key)
    except _Wrong as wrong:
        return _result(signature, wrong.verdict, wrong.reason)
    uncovered = 0 if signature.length is None else len(message.body(signature.body_form)) - signature.length
    return _result(signature, "pass", "", testing=key.testing, uncovered=uncovered)


def _result(
    signature: Signature, verdict: Verdict, reason: str, *, testing: bool = False, uncovered: int = 0
) -> DkimResult:
    start = _b64_start(signature.signature)
    return DkimResult(
        verdict, reason, signature.domain, signature.selector, signature.identity, signature.algorithm, start, testing,
        uncovered, signature.names,
    )  # fmt: skip


def _b64_start(signature: bytes) -> str:
    """The first eight characters of b=, which tell signatures apart in reports (RFC 6008 4)."""
    return b64encode(signature[:6]).decode()


def _precheck(message: _Message, signature: Signature, now: float) -> None:
    """What needs no key, the body's hash among it: most broken messages cost no look-up."""
    if signature.algorithm == "rsa-sha1":
        raise _Wrong("policy", "rsa-sha1 is not accepted")  # RFC 8301 3.1
    if signature.algorithm not in ("rsa-sha256", "ed25519-sha256"):
        raise _Wrong("neutral", "unknown algorithm")
    if signature.expires is not None and signature.expires + SKEW < now:
        raise _Wrong("fail", "signature expired")
    if signature.length is not None and signature.length > len(message.body(signature.body_form)):
        raise _Wrong("permerror", "l= is more than the body")  # RFC 6376 3.5 "l="
    if not compare_digest(message.body_hash(signature.body_form, signature.length), signature.body_hash):
        raise _Wrong("fail", "body hash did not verify")


def _key(records: tuple[str, ...], signature: Signature) -> PublicKey:
    """The first usable record (RFC 6376 3.6.2.2 leaves the choice open)."""
    wrong = _Wrong("permerror", "no key for signature")
    for record in records:
        try:
            key = parse_record(record)
        except Revoked:
            raise _Wrong("permerror", "key revoked") from None
        except Unacceptable as error:
            wrong = _Wrong("policy", error.public)
            continue
        except BadTags as error:
            wrong = _Wrong("permerror", error.public)
            continue
        _fits(key, signature)
        return key
    raise wrong


def _fits(key: PublicKey, signature: Signature) -> None:
    if key.algorithm != signature.algorithm:
        raise _Wrong("permerror", "the key is for another algorithm")
    if key.hashes and "sha256" not in key.hashes:
        raise _Wrong("permerror", "the key does not allow sha256")
    if key.strict and signature.identity.rpartition("@")[2] != signature.domain:
        raise _Wrong("permerror", "i= is not d= itself")


def _verify(message: _Message, field: Field, signature: Signature, key: PublicKey) -> None:
    digest = sha256(b"".join(_signed(message, field, signature))).digest()
    if not key.verifies(digest, signature.signature):
        raise _Wrong("fail", "signature did not verify")


def _signed(message: _Message, own: Field, signature: Signature) -> Iterator[bytes]:
    """RFC 6376 5.4.2: each name takes the lowest field not yet taken; then the signature itself without b=."""
    form = signature.header_form
    waiting: dict[str, list[Field]] = {}
    for field in message.header.fields:
        if field is not own:
            waiting.setdefault(field.name.lower(), []).append(field)
    for name in signature.names:
        if waiting.get(name):
            yield _canonical(message, waiting[name].pop(), form)
    bare = replace(own, raw=_B_VALUE.sub(rb"\1", own.raw, count=1))
    yield _canonical(message, bare, form).removesuffix(b"\r\n")  # RFC 6376 3.7


def _canonical(message: _Message, field: Field, form: Form) -> bytes:
    if form == "relaxed":
        return relaxed_field(field.name, field.raw)
    colon = message.data.index(b":", field.start) + 1
    return message.data[field.start : colon] + field.raw + b"\r\n"
