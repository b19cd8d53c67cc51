"""Words and fields that tell what kind of mail about mail this is. Data and small tests on it. [pure]

A bounce without machine-readable fields is known by several signs together; words alone never make one, since people
quote bounces to each other: there must be a sender that only machines use.
"""

import re

from lettershop.wire.message.addresses import Mailbox, mailboxes
from lettershop.wire.message.headers import Header
from lettershop.wire.message.words import decode
from lettershop.wire.reports import answers
from lettershop.wire.reports.view import View

LONGEST = 2_000
"""Characters of a header field that are read."""

_DAEMON = re.compile(
    r"(?:mailer[-_.]?daemon|post[-_]?master|mail[-_.]?daemon|"
    r"mdaemon|maildaemon|mail[-_.]delivery[-_.](?:system|subsystem)|"
    r"mmdf|mailerdaemon|bounce[sd]?(?:[-+].*)?|noreply-dmarc.*|microsoftexchange[0-9a-f]{16,})(?:@.*)?",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)? (?:deliver|system|daemon|administrator)|mailer-daemon|"
    r"postmaster|ndr |system ?administrator\b|systemadministrator|"
    r"internet mail (?:delivery|service)|zustellsystem",
    re.IGNORECASE,
)

_FAILED_SUBJECT = re.compile(
    r"\W*(?:undeliver|undelivered|undelivery|returned (?:mail|"
    r"to sender|message)|mail returned|delivery (?:status )?notification|"
    r"delivery (?:has |was )?(?:failure|failed|report|problem|error|final failure)|"
    r"delivery notification|failure (?:notice|delivery)|"
    r"(?:mail|message|email|e-mail) (?:delivery )?(?:has )?(?:fail|problem|"
    r"error|status|system error|could not be delivered|not delivered|"
    r"undeliver|has not been delivered|was not delivered|bounced|returned)|"
    r"(?:your )?(?:mail|message|email|e-mail)\b.{0,60}(?:could not be|not|cannot be|can't be|was not|wasn't) deliver|"
    r"fail(?:ed|ure) (?:delivery|mail|notice|to deliver)|nondeliver|non[- ]?deliver|non remis|rapport de non|"
    r"there was an error sending your mail|postmaster notify|"
    r"unable to deliver|could not (?:be deliver|deliver|send)|cannot (?:deliver|send)|"
    r"warning: (?:message|could not send|mail)|(?:mail )?delivery warning|"
    r"processing error|delayed mail|delayed delivery|"
    r"delivery (?:is )?(?:temporarily )?delay|"
    r"message delayed|mail system error|mail error|(?:notification|avis) d['e]|échec|unzustellbar|nicht zustellbar|"
    r"zustellung|no entregad|no se puede entregar|não (?:entregue|foi)|"
    r"mancat[ao] (?:consegna|recapito)|non recapitabile|"
    r"onbestelbaar|niet (?:bezorgd|afgeleverd)|ikke lever|kan inte levereras|не (?:доставлено|удалось)|недоставлен|"
    r"не уда[её]тся доставить|det g[åi]r? inte att leverera|kunde inte levereras|"
    r"misslyckad leverans|kan ikke leveres|levering mislykkedes|"
    r"ei voi(?:tu)? toimittaa|toimitus epäonnistui|niedostarcz|nie można dostarczyć|"
    r"nedoručiteln|nedoručené|kézbesíthetetlen|"
    r"teslim edilemedi|배달되지 않음|발송 실패|전송 실패|\[메일 발송 실패|未送达|"
    r"未傳遞|无法(?:投递|送达)|無法(?:投遞|傳遞)|δεν είναι δυνατή|"
    r"entrega (?:fallida|fracasada|falhou)|error de entrega|fallo en la entrega|"
    r"falha na entrega|mensagem não|mensaje no|messaggio non|"
    r"message non|ihre (?:e-?mail|nachricht) .{0,30}nicht|mail nicht|e-?mail konnte nicht|remise impossible|"
    r"error sending message|\[?(?:postmaster\] )?e-?mail delivery failure|"
    r"notice of failed|permanent delivery|\[bounce\]|"
    r"\*\*message you sent blocked|"
    r"メール(?:エラー|システム|配信)|配信(?:エラー|不能|できません)|エラー通知|退信|系统退信|投递失败|传递失败|user unknown|"
    r"unknown (?:user|recipient|address)|host unknown|mailbox (?:full|unavailable)|bounced? (?:mail|message))",
    re.IGNORECASE,
)
_FAILED_WORDS = re.compile(
    r"could ?n[o']t be (?:delivered|sent)|(?:could|can) ?not deliver|failed recipients?\b|requested action not taken|"
    r"returned because|encountered an error|trying to deliver your (?:message|mail)|"
    r"has been postponed|cannot be delivered|"
    r"(?:could|was|were|has|have|is|are) not (?:be |been )?delivered|"
    r"undeliverable|unable to deliver|not able to deliver|wasn't able to deliver|were unable to deliver|"
    r"(?:error|trouble|problem)s? (?:was |occurred )?(?:while )?(?:attempting to |trying to )?deliver|"
    r"delivery (?:has )?failed|deliver.{0,60}failed|"
    r"failed permanently|(?:had|has) (?:permanent )?(?:fatal |delivery )?(?:errors|problems)|"
    r"permanent (?:fatal )?error|"
    r"did not reach|returned to (?:you|sender)|message .{0,80}(?:rejected|refused|returned)|not listed in|"
    r"transcript of session|unknown user|user unknown|no such user|"
    r"failure reasons|delivery has been (?:delayed|aborted)|"
    r"(?:delivery|delevery) to the following recipients? (?:has |was |have )?(?:been )?(?:delayed|failed|aborted)|"
    r"not yet been delivered|will (?:be retried|keep trying)|mail could not|was undeliverable|"
    r"(?:unzustellbar|nicht zugestellt|konnte nicht|pu être|n'a pas|"
    r"no (?:se )?(?:ha )?(?:pudo|podido)|impossibile|não pôde)|"
    r"(?:zustellung|nachrichtenzustellung|übermittlung)\b.{0,60}(?:fehlgeschlagen|verzögert|nicht möglich|folgende)|"
    r"(?:échec|remise|livraison).{0,40}(?:destinataire|échoué|impossible|retard)|"
    r"(?:error|fallo|falha).{0,20}(?:entrega|consegna)|"
    r"non (?:è stato|è stata|può essere) (?:consegnat|recapitat)|kan (?:inte|ikke) (?:levereras|leveres)|"
    r"leverera till|levering til|"
    r"(?:er kan )?geen bericht worden bezorgd|niet (?:worden )?(?:bezorgd|afgeleverd)|"
    r"toimitus .{0,60}epäonnistui|dostarczenie.{0,60}nie powiodło|"
    r"doručení.{0,60}nezdařilo|kézbesítés.{0,60}nem sikerült|teslim edilemedi|"
    r"배달하지 못|발송되지 않|전달할 수|сбой доставки|не может быть доставлен|"
    r"送信に失敗|配信に失敗|送达|投递失败|傳遞給以下|传递给以下|error sending message|not delivered|"
    r"not a known user|(?:failed|failure) reason|"
    r"送信できません|配信できません|届けること|送付できません|не может быть доставлено|не удалось доставить|无法|未能|退回|google groups",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"^[^>\n]{0,200}[45]\d\d[ -]+#?[45]\.\d{1,3}\.\d{1,3}\b", re.MULTILINE)
"""A server's answer, not quoted from somebody's mail: in whatever language it is told."""

_LIST_MANAGER = re.compile(r"owner-|.*-(?:admin|owner|request|bounces|help)@|majordomo|listserv|mailman", re.IGNORECASE)
_IMPERSONAL = re.compile(
    r"(?:^|[\W_])(?:no[-_]?reply|do[-_]?not[-_]?reply|(?:sys|"
    r"mail)?admin(?:istrator)?|system|server|service|mail(?:er|server)?|"
    r"e-?mail|smtp|mta|gateway|relay|anti-?(?:virus|spam)|scanner|filter|delivery|robot|root|daemon|auto\w*|notif\w*|interscan\w*|mailmarshal|surfcontrol|websense|barracuda|mimecast|spam\w*)(?:$|[\W_\d])",
    re.IGNORECASE,
)
_NOT_MEMBER = re.compile(r"you are not (?:a )?member of this mailing list", re.IGNORECASE)

_OF_MAIL = re.compile(
    r"following (?:e-?mail (?:address|recipient)|recipient|user)|e-?mail address|mailbox|\bsmtp\b|mail server",
    re.IGNORECASE,
)

_DELAYED_WORDS = re.compile(
    r"warning (?:message )?only|(?:has|have) (?:not yet been|been) (?:delayed|delivered yet)|not yet been delivered|"
    r"will (?:be retried|keep trying|continue)|still being retried|delivery attempts will continue|"
    r"no action is required on your part|do not need to resend|temporarily delayed|"
    r"delay reason|delayed for more than|"
    r"has been postponed|continue to try|(?:wird weiterhin|server) versucht|verzögert|noch nicht zugestellt|"
    r"(?:remise|livraison) .{0,60}(?:retardée|différée)|n'a pas encore été (?:remis|livré)|"
    r"(?:entrega|entregar).{0,60}(?:retras|demor|atras|adiad)|"
    r"(?:consegna|recapito).{0,60}(?:ritard|posticip)|vertraagd|fördröj|"
    r"forsinke|配信の遅延|遅延して|投递延迟|延迟|gmail will retry|will retry for|"
    r"still undelivered after|will keep trying|be retried until|not been delivered after|"
    r"will automatically (?:be )?re(?:try|sen)|has been delayed",
    re.IGNORECASE,
)
_GIVEN_UP_WORDS = re.compile(
    r"giving up|given up|permanent(?:ly)? (?:fatal )?(?:error|failure|failed)|failed permanently|final failure|"
    r"not going to try again",
    re.IGNORECASE,
)

_EXPIRED_WORDS = re.compile(r"\b(?:envelope|message|time|queue) (?:has |is )?expired", re.IGNORECASE)

_PASSED_ON = re.compile(
    r"\s*(?:re|fwd?|aw|wg|wtr|tr|rv|rif|r|i|enc|sv|vs|vb|antw|doorst|odp|pd|转发|轉寄|回复|答复|転送)\s*[:：]",
    re.IGNORECASE,
)

_AUTO_SUBJECT = re.compile(
    r"\W*(?:auto(?:matic|matische|matisk|mated|maattinen)?[-_ :]?(?:re(?:ply|"
    r"sponse|spond)|answer|antwort|svar|antwoord)|"
    r"autorespon|auto-reply|autoreply|out[- ]of[- ](?:the[- ])?office|"
    r"ooo\b|away from (?:the office|my)|i am (?:away|out of)|"
    r"on vacation|vacation (?:reply|message|notice)|on (?:annual |parental |maternity )?leave|"
    r"abwesen|automatische antwort|"
    r"réponse automatique|absence (?:du bureau)?|en vacances|respuesta automática|fuera de (?:la )?oficina|ausente|"
    r"risposta automatica|fuori ufficio|resposta automática|fora do escritório|afwezig|automatisch antwoord|"
    r"frånvaro|fravær|poissaolo|autoodpowiedź|nieobecno|automatická odpověď|"
    r"автоответ|自動(?:返信|応答)|自动(?:回复|答复)|不在|"
    r"automatic reply|thank you for (?:your e?-?mail|contacting))",
    re.IGNORECASE,
)
_UNSUBSCRIBE_WORDS = re.compile(
    r"\W*(?:please )?(?:unsubscribe|remove|opt[- ]?out|stop|abmelden|"
    r"abbestellen|austragen|désabonner|désinscri\w*|darme de baja|baja|"
    r"disiscri\w*|cancella(?:mi)?|descadastr\w*|afmelden|uitschrijven|avregistrera|отписаться)"
    r"(?:[: ]?(?: me)?(?: from (?:this|the|your) (?:mailing )?list)?)\W*",
    re.IGNORECASE,
)
_UNSUBSCRIBE_BOX = re.compile(r"(?:unsubscribe|unsub|leave)(?:[+-].*)?@|.*-(?:unsubscribe|leave)@", re.IGNORECASE)


def subject(header: Header) -> str:
    """The subject for people."""
    return decode((header.get("Subject") or "")[:LONGEST])


def from_machine(view: View) -> bool:
    """Whether only a mail system writes like that: the null sender, a daemon's name, fields that only they set."""
    header = view.header
    path = header.get("Return-Path")
    if (header.get("From") or "").strip() == "<>":
        return True
    if path is not None and (path.strip() in ("", "<>") or _DAEMON.match(path.strip().strip("<>"))):
        return True
    if header.field("X-Failed-Recipients") is not None or view.report_type == "delivery-status":
        return True
    if _DAEMON.fullmatch(sender_of(header)):
        return True
    names = [mailbox.display for mailbox in senders(header)]
    return any(_DAEMON_NAME.search(name) for name in names) and not _PASSED_ON.match(subject(header))


def sender_of(header: Header) -> str:
    """The first address in From, or what stands there if that is none."""
    found = senders(header)
    return found[0].address if found else (header.get("From") or "")[:LONGEST].strip()


def senders(header: Header) -> tuple[Mailbox, ...]:
    """Who is in From; of a field without end only the beginning."""
    return mailboxes((header.get("From") or "")[:LONGEST])


def tells_failure(view: View) -> bool:
    """Whether subject or notice say that something was not delivered; both must be the report's own words."""
    words = subject(view.header)
    if _FAILED_SUBJECT.match(words):
        return True
    if _AUTO_SUBJECT.match(words):  # out of office, sent with the null sender, telling of all kinds of trouble
        return False
    return bool(_FAILED_WORDS.search(view.notice) or _ANSWERED.search(view.notice))


def is_bounce_in_words(view: View) -> bool:
    """Whether this is a bounce or delay that no machine-readable field declares."""
    if from_list(view):
        return True
    if from_machine(view):
        return tells_failure(view)
    # some systems write from an address without a daemon's name: then subject and words must both say it
    header = view.header
    names = [mailbox.display for mailbox in senders(header)]
    local = sender_of(header).rpartition("@")[0]
    impersonal = any(_IMPERSONAL.search(name) for name in (local, *names)) and not header.get("References")
    return bool(impersonal and _FAILED_SUBJECT.match(subject(view.header)) and _FAILED_WORDS.search(view.notice))


def from_list(view: View) -> bool:
    """Whether a mailing list refuses somebody who is no member."""
    return bool(_NOT_MEMBER.search(view.notice[:500]) and _LIST_MANAGER.match(sender_of(view.header)))


def speaks_of_mail(view: View) -> bool:
    """Whether the words are those of a mail system."""
    return _OF_MAIL.search(view.notice) is not None


def is_delay(view: View) -> bool:
    """Whether a notice says that it is still being tried."""
    words = f"{subject(view.header)}\n{view.notice}"
    return bool(_DELAYED_WORDS.search(words)) and not _GIVEN_UP_WORDS.search(words)


def is_forwarded(view: View) -> bool:
    """Whether a person passes on or answers something: some programs attach a report's parts one by one."""
    return (
        view.root.mime != "multipart/report" and bool(_PASSED_ON.match(subject(view.header))) and not from_machine(view)
    )


def is_expired(view: View) -> bool:
    """Whether a notice says that time ran out."""
    return bool(_EXPIRED_WORDS.search(view.notice))


def is_automatic(header: Header) -> bool:
    """Whether a machine answered for a person (RFC 3834 5, and what older ones write)."""
    submitted = (header.get("Auto-Submitted") or "no").lower()
    if submitted.startswith("auto-replied") or any(
        header.field(name) is not None for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Apple-Action")
    ):
        return True
    if (header.get("Precedence") or "").lower() in ("auto_reply", "auto-reply"):
        return True
    return _AUTO_SUBJECT.match(subject(header)) is not None


def is_unsubscribe(view: View) -> bool:
    """Whether somebody asks by mail to get no more (RFC 2369 3.2): by the address it came to, or by its only words."""
    recipients = mailboxes((view.header.get("To") or "")[:LONGEST])
    if any(_UNSUBSCRIBE_BOX.match(mailbox.address) for mailbox in recipients):
        return True
    return bool(_UNSUBSCRIBE_WORDS.fullmatch(subject(view.header).strip()) or answers.asks_to_leave(view.notice))


_DMARC_FILE = re.compile(r"[^!\s]+![^!\s]+!\d{9,11}!\d{9,11}(?:![^.\s]*)?\.(?:xml|zip|gz|xml\.gz)", re.IGNORECASE)
_DMARC_SUBJECT = re.compile(r"\W*report[- ]domain:\s*\S+.*submitter:", re.IGNORECASE | re.DOTALL)
_TLS_FILE = re.compile(r"[^!\s]+![^!\s]+!\d{9,11}!\d{9,11}(?:![^.\s]*)?\.json(?:\.gz)?", re.IGNORECASE)


def is_tls_report(view: View) -> bool:
    """A report of RFC 8460 5.3: its type says so, or the name of the attachment does."""
    return (
        view.report_type == "tlsrpt"
        or view.header.field("TLS-Report-Domain") is not None
        or any(part.subtype.startswith("tlsrpt") or _TLS_FILE.fullmatch(part.filename) for part in view.root.walk())
    )


def is_dmarc_report(view: View) -> bool:
    """An aggregate report (RFC 9990): known by its subject or by the name of its attachment."""
    if _DMARC_SUBJECT.match(subject(view.header)):
        return True
    return any(_DMARC_FILE.fullmatch(part.filename) for part in view.root.walk())


def subject_tells(header: Header) -> bool:
    """Whether the subject alone speaks of a failed delivery or of an automatic answer."""
    words = subject(header)
    return bool(_FAILED_SUBJECT.match(words) or _AUTO_SUBJECT.match(words))
