"""What a received message is: a bounce, a delay, a complaint, an automatic answer, a report, or ordinary mail. [pure]

    recognise(message) -> Report

The surest signs first: feedback reports, JSON notices, reports of receivers, delivery-status fields; then bounces in
words, then automatic answers, then wishes to be unsubscribed.
"""

from dataclasses import replace

from lettershop.wire.reports import arf, notices, prose, signs, status
from lettershop.wire.reports.values import Kind, Original, Recipient, Report
from lettershop.wire.reports.view import View, view

SHORT = 20
"""Characters of a Diagnostic-Code that says too little to stand alone, like "77"."""

EXPIRED = "4.4.7"
"""RFC 3463 3.5: delivery time expired."""

_GOOD = frozenset({"delivered", "relayed", "expanded"})


def recognise(message: bytes) -> Report:
    """What the message is, and whom it is about."""
    seen = _unwrapped(message, view(message))
    for read in (arf.read, notices.read, _receivers_report, _declared, _in_words):
        report = read(seen)
        if report is not None:
            return report
    if signs.is_automatic(seen.header):
        return Report("auto-reply", original=_answered(seen))
    if signs.is_unsubscribe(seen):
        return Report("unsubscribe", original=_answered(seen))
    return Report("ordinary", original=_answered(seen))


def _unwrapped(message: bytes, seen: View) -> View:
    """Some gateways put a report into a message of their own, with nothing but a disclaimer behind it."""
    if seen.wrapped is None or not signs.from_machine(seen):
        return seen
    inner = view(message[seen.wrapped.header : seen.wrapped.end])
    return inner if signs.from_machine(inner) else seen


def _receivers_report(seen: View) -> Report | None:
    if signs.is_tls_report(seen):
        return Report("tls-report", standard=True)
    return Report("dmarc-report", standard=True) if signs.is_dmarc_report(seen) else None


def _declared(seen: View) -> Report | None:
    """By delivery-status fields: in a part of their own, or in the words of a mail system."""
    if signs.is_forwarded(seen):
        return None
    declared = [recipient for text in seen.status for recipient in status.parse(text)]
    if not declared and signs.from_machine(seen):
        declared = status.parse(seen.notice)
    named = [recipient for recipient in declared if recipient.address]
    if not declared:
        return None
    actions = {recipient.action for recipient in declared}
    named = _completed(seen, named) if named else prose.recipients(seen)
    if actions and actions <= _GOOD:
        return Report("ordinary", tuple(named), Original(seen.returned), standard=True)
    kind: Kind = "delay" if _only_delayed(seen, declared) else "bounce"
    kept = [recipient for recipient in named if recipient.action not in _GOOD]
    return Report(
        kind, tuple(_with_action(recipient, kind) for recipient in kept), Original(seen.returned), standard=True
    )


def _only_delayed(seen: View, recipients: list[Recipient]) -> bool:
    """No recipient failed for good; where no action is told, the words decide."""
    if any(recipient.action == "failed" for recipient in recipients):
        return False
    if all(recipient.status == EXPIRED for recipient in recipients) and signs.is_expired(seen):
        return False  # OpenSMTPD says "delayed" also for the last time
    if any(recipient.action == "delayed" for recipient in recipients):
        return True
    return signs.is_delay(seen)


def _completed(seen: View, named: list[Recipient]) -> list[Recipient]:
    """What fields leave out, the words may tell."""
    notice, named = prose.Notice(seen), named[: prose.MOST]
    command = status.stage_in_transcript(notice.lines)
    everybody = [recipient.address for recipient in named]
    full = [_with_words(recipient, notice.about(recipient.address, everybody)) for recipient in named]
    return [replace(recipient, stage=recipient.stage or command) for recipient in full]


def _with_words(recipient: Recipient, words: str) -> Recipient:
    if len(recipient.diagnostic) < SHORT and not (recipient.code and recipient.status):
        recipient = replace(recipient, diagnostic=f"{recipient.diagnostic} {words}".strip())
    known = status.refined(recipient, recipient.diagnostic)
    if known.code:
        return replace(known, stage=known.stage or status.stage_in(words))
    return status.refined(known, words)


def _in_words(seen: View) -> Report | None:
    if not signs.is_bounce_in_words(seen):
        return None
    kind: Kind = "delay" if signs.is_delay(seen) else "bounce"
    found = prose.recipients(seen)
    if not signs.from_machine(seen) and not signs.from_list(seen) and not _about_mail(seen, found):
        return None
    return Report(kind, tuple(_with_action(recipient, kind) for recipient in found), Original(seen.returned))


def _about_mail(seen: View, found: list[Recipient]) -> bool:
    """Whether what failed was a message: parcels are not delivered either."""
    told = seen.returned or any(recipient.code or recipient.status for recipient in found)
    return bool(found and (told or signs.speaks_of_mail(seen)))


def _with_action(recipient: Recipient, kind: Kind) -> Recipient:
    return recipient if recipient.action else replace(recipient, action="delayed" if kind == "delay" else "failed")


def _answered(seen: View) -> Original:
    """What an answer answers: the identifiers in In-Reply-To and References stand for the original."""
    field = seen.header.field("In-Reply-To") or seen.header.field("References")
    return Original(b"Message-ID:" + field.raw + b"\r\n") if field is not None else Original()
