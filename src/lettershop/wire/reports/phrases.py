"""Sentences of bounces that tell the reason without a code, as enhanced status codes (RFC 3463). [pure]

Used only where no code says it. In order: what is surer stands first.
"""

import re

_SAYINGS: tuple[tuple[str, str], ...] = (
    (
        "5.2.2",
        r"mailbox (?:is |size )?(?:full|exceed)|over ?quota|quota exceeded|"
        r"exceed\w* (?:the |its |his )?(?:local |storage |mailbox )?(?:limit|quota)|"
        r"messages in recipient's mailbox exceeded|not enough (?:storage )?space|postfach.{0,20}voll|"
        r"(?:bo[iî]te|messagerie).{0,30}pleine|"
        r"buz[oó]n.{0,20}lleno|casella.{0,20}piena|caixa.{0,20}cheia|переполнен|一杯|容量|邮箱已满|空间不足",
    ),
    (
        "5.3.4",
        r"(?:message|mail) size (?:limit )?exceed|size limit|(?:message|mail|attachment).{0,20}too (?:large|big)|"
        r"exceeds? the (?:maximum )?size",
    ),
    (
        "5.1.1",
        r"user (?:unknown|not known)|unknown (?:user|recipient|address)|no such (?:user|recipient|mailbox|person|address|account)|"
        r"not listed in|(?:name|address|recipient) is not recogni[sz]ed|"
        r"(?:address|recipient|user|mailbox|account) (?:was |were |is |could )?(?:n[o']t|not be) found|"
        r"(?:was|were|is|could)(?: not|n.t)(?: be)? found at the destination|"
        r"(?:user|account|mailbox|address|recipient).{0,40}does(?: not|n't) exist|"
        r"no mailbox here|(?:invalid|bad|illegal) (?:recipient|address|mailbox|user)|no valid recipients|"
        r"not a valid (?:mailbox|user|address)|"
        r"recipient (?:unknown|not (?:known|exist))|doesn't have an? .{0,30}account|benutzer unbekannt|"
        r"empf[äa]nger.{0,20}(?:unbekannt|nicht gefunden)|"
        r"adresse.{0,30}(?:inconnue|introuvable|n'existe)|"
        r"(?:usuario|destinatario|dirección).{0,30}(?:desconocid|no existe|no encontrad)|"
        r"(?:utente|indirizzo).{0,30}(?:sconosciut|inesistente)|не (?:существует|найден)|見つか(?:らない|りません)|存在しません|"
        r"(?:用户|收件人|地址|帐号|账号).{0,10}不存在|查无此人",
    ),
    (
        "5.1.2",
        r"host unknown|unknown host|host not found|host or domain name not found|"
        r"(?:couldn't|cannot|could not) find (?:any |a )?(?:host|mail exchanger|domain)|"
        r"domain (?:name )?(?:not found|does ?n[o']?t exist|unknown)|no such (?:domain|host)|name service error|"
        r"name or service not known|"
        r"unrouteable (?:mail )?domain|domain.{0,30}(?:couldn't|wasn't) (?:be )?found|"
        r"mail server for .{0,60} not found",
    ),
    (
        "4.4.7",
        r"retry time(?:out)? exceeded|in the queue too long|"
        r"after (?:multiple|several|\d+) (?:retries|attempts|tries)|failed \d+ attempts|"
        r"aborted after|could not be delivered (?:for|within|in) |(?:connection|operation|delivery) timed? ?out|"
        r"(?:message|delivery time) (?:has )?expired|"
        r"retries exhausted|too many attempts|unable to connect|"
        r"(?:socket error|did not accept our requests to connect)|no route to host",
    ),
    (
        "5.2.1",
        r"(?:mailbox|account|user|address) (?:is |has been |was )?(?:currently )?"
        r"(?:disabled|suspended|inactive|deactivated|closed|locked)",
    ),
)  # fmt: skip
_COMPILED = tuple((status, re.compile(pattern, re.IGNORECASE)) for status, pattern in _SAYINGS)


def status_of(text: str) -> str:
    """The status code that a text amounts to; empty if it says nothing known."""
    return next((status for status, pattern in _COMPILED if pattern.search(text)), "")
