"""The words of a person's answer: without what it quotes, without the signature; and whether it asks to leave. [pure]"""

import re

from lettershop.wire.reports.view import without_tags

_QUOTE_PAGE = re.compile(
    r"<blockquote|<div[^>]{0,80}(?:gmail_quote|appendonsend|divRplyFwdMsg|moz-cite)", re.IGNORECASE
)
_PAGE = re.compile(r"<blockquote|<div[^>]{0,80}(?:gmail_quote|appendonsend|divRplyFwdMsg|moz-cite)", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li)\b[^>]*>", re.IGNORECASE)
_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body|div|p|meta|span|table)\b", re.IGNORECASE)

_QUOTE = re.compile(
    r">|-- ?$|--+ ?(?:original|ursprüngliche|message d'origine|mensaje original|messaggio originale|forwarded)|_{5,}|"
    r"(?:on|am|le|el|il|em|op|den|dnia|w dniu)\b.{3,200}(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|"
    r"skrev|napisał\(?a?\)?)\s*.{0,80}:\s*$|(?:from|von|de|da|van|fra|från|od|从|发件人|差出人)\s?[:：].*@|"
    r".{0,120}(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|пишет|написал[а]?)\s?:\s*$|"
    r"(?:sent|get|gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|wysłane) (?:from|with|via|mit|von|depuis|de|desde|"
    r"do|da|vanaf|från|fra|z|outlook)\b|.{0,40}gesendet$|.{0,40}から送信$|.{0,80}のメール[:：]?$",
    re.IGNORECASE,
)
"""Lines at which the words of the person end."""

_GREETING = re.compile(
    r"(?:(?:hi|hello|dear|hallo|guten tag|bonjour|hola|ciao|olá|hej|please|pls|bitte|s'il vous plaît|svp|por favor|per favore|"
    r"alstublieft|thanks|thank you|thx|danke|merci|gracias|grazie|obrigad[oa]|bedankt|regards|gruß|mfg)\b[\s,.!]*)+",
    re.IGNORECASE,
)

_LEAVE = re.compile(
    r"(?:(?:i (?:want|would like|wish) to |i'd like to |can you |could you |kindly )?"
    r"(?:stop(?: (?:it|this|these(?: e?-?mails?)?|e?-?mailing(?: me)?|sending(?: me)?(?: (?:this|these|e?-?mails?))*|e?-?mails?))?|"
    r"stopall|end|quit|unsubscribe(?:d)?(?: me)?|un-?subscribe|remove(?: me)?|take me off|opt[- ]?out|no more(?: e?-?mails?)?|"
    r"leave(?: me alone)?|delete me|cancel(?: (?:my )?subscription)?)"
    r"(?: (?:from )?(?:this|the|your|all|any)? ?(?:mailing |e?-?mail )?(?:lists?|newsletters?|e?-?mails?))?|"
    r"abmelden|abmeldung|abbestellen|abbestellung|austragen|(?:newsletter|mich) (?:abmelden|abbestellen|austragen|löschen)|"
    r"keine (?:weiteren )?(?:e-?mails?|newsletter)(?: mehr)?|stopp|"
    r"(?:me )?désabonner|désabonnement|(?:me )?désinscrire|désinscription|désabonnez[- ]moi|arrêtez?|plus de mails?|"
    r"(?:darme de )?baja|cancelar(?: (?:mi )?suscripción)?|desuscribir(?:me)?|no más correos|parar|"
    r"(?:mi )?disiscri(?:vere|vermi|zione|vetemi)|cancella(?:mi|temi|zione)|annulla(?: iscrizione)?|basta|"
    r"descadastrar|cancelar (?:a )?(?:inscrição|assinatura)|remover|sair|"
    r"(?:mij )?(?:afmelden|uitschrijven)|uitschrijving|avregistrera(?: mig)?|avsluta|avmeld(?:ing)?|afmeld|frameld|"
    r"wypisz(?: mnie)?|rezygnuję|odhlásit|отписаться|отпишите(?: меня)?|отписка|стоп|配信停止|退会|解除|退订|退訂|取消订阅)",
    re.IGNORECASE,
)
"""The whole of an answer that asks to get no more."""

_EDGES = " \t\r\n.,;:!?*_\"'„“”’()-–—\u00a0\ufeff"


def own_words(text: str) -> str:
    """What the person wrote: the text above what is quoted, without greeting words and signature, on one line."""
    return " ".join(above_quotation(text[:20_000]).split())


def above_quotation(text: str) -> str:
    """The lines above what is quoted, and above the signature."""
    if _PAGE.match(text):
        text = without_tags(_QUOTE_PAGE.split(text, maxsplit=1)[0])
    kept: list[str] = []
    for line in text.splitlines():
        if _QUOTE.match(line.strip()):
            break
        kept.append(line)
    return "\n".join(kept)


def asks_to_leave(text: str) -> bool:
    """Whether an answer says nothing but that the person wants no more mail, in any of the usual languages."""
    words = own_words(text).strip(_EDGES)
    if not words or len(words) > 120:
        return False
    return _LEAVE.fullmatch(_GREETING.sub("", words).strip(_EDGES)) is not None
