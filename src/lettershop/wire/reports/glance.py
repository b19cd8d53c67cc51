"""A look at a header: may this be mail about mail? Cheap, so that ordinary mail is not taken apart. [pure]

`stands_out` must be true for every report that `recognise` knows by its header or its machine-readable parts; it may be
true for ordinary mail too, which costs only time.
"""

import re

from lettershop.wire.message.headers import Header
from lettershop.wire.reports import signs

_TYPE = re.compile(r"\s*(?:multipart/report|message/(?:delivery|feedback|disposition|global))", re.IGNORECASE)
_MACHINE_FIELDS = frozenset({
    "x-failed-recipients", "auto-submitted", "x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-response-from",
    "x-amz-sns-message-id", "x-hmxmroriginalrecipient", "x-ms-exchange-inbox-rules-loop",
})  # fmt: skip
_SENDER = re.compile(
    r"^\s*<>\s*$|mailer[-_.]?daemon|post[-_]?master|microsoftexchange[0-9a-f]{16}|"
    r"mail[-_. ]?(?:delivery|daemon|administrator)|feedback|complaint",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"complaint about message from|abuse report|out of|away|absen|not (?:a )?member", re.IGNORECASE)


def stands_out(header: Header) -> bool:
    """Whether the header has any sign of a report or of a machine."""
    return any(_tells(field.name.lower(), field.value) for field in header.fields) or _subject_tells(header)


def _tells(name: str, value: str) -> bool:
    if name == "return-path":
        return value in ("", "<>") or _SENDER.search(value) is not None
    if name == "content-type":
        return _TYPE.match(value) is not None
    if name == "from":
        return _SENDER.search(value) is not None
    if name == "precedence":
        return "auto" in value.lower()
    return name in _MACHINE_FIELDS


def _subject_tells(header: Header) -> bool:
    return bool(_SUBJECT.search(signs.subject(header))) or signs.subject_tells(header)


def is_automatic(header: Header) -> bool:
    """Whether a machine answered: what `signs` knows, and anything that declares itself generated (RFC 3834 5)."""
    submitted = (header.get("Auto-Submitted") or "no").partition(";")[0].strip().lower()
    return submitted not in ("", "no") or signs.is_automatic(header)
