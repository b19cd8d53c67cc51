"""Bounces as many servers write them: each names its one recipient and the reason. The words are theirs, shortened."""

import pytest

from lettershop.mail.bounces import understand

DAEMON = "MAILER-DAEMON@mx.c.example"

# By name: who writes, under which subject, the notice, and the status and reason in it.
FORMS = {
    "notes": (
        "postmaster@c.example", "DELIVERY FAILURE: User x not listed in Domino Directory",
        "Your message\n\n  Subject: News\n\nwas not delivered to:\n\n  x@c.example\n\nbecause:\n\n"
        "  User x (x@c.example) not listed in Domino Directory\n",
        "5.1.1", "unknown-user",
    ),
    "surfcontrol": (
        "postmaster@c.example", "Message delivery failed: News",
        "Your message could not be sent.\nA transcript of the attempts to send the message follows.\n"
        "The number of attempts made: 1\nAddressed To: x@c.example\n\nThu 1 Jan 2009 23:34:45 +0900\n"
        "Failed to send to identified host,\nx@c.example: [192.0.2.1], 550 x@c.example... No such user\n"
        "--- Message non-deliverable.\n",
        "5.1.1", "unknown-user",
    ),
    "mailmarshal": (
        "MailMarshal <MAILER-DAEMON@mx.c.example>", 'Undeliverable Mail: "News"',
        "Your message:\n   From:    a@b.example\n   Subject: News\n\nCould not be delivered because of\n\n"
        "550 5.1.1 User unknown\n\nThe following recipients were affected: \n    x@c.example\n\nAdditional Information\n",
        "5.1.1", "unknown-user",
    ),
    "mcafee": (
        "McAfee <postmaster@c.example>", "Failure Notice",
        "This is an automated message.\n\n--- The following addresses had delivery problems ---\n"
        "<x@c.example>   (User unknown x@c.example)\n\n---Original message follows---\n",
        "5.1.1", "unknown-user",
    ),
    "x2": (
        DAEMON, "Delivery failure",
        "Unable to deliver message to the following address(es).\n\n<x@c.example>:\n"
        "This user doesn't have a c.example account (x@c.example) [0]\n\n--- Original message follows.\n",
        "5.1.1", "unknown-user",
    ),
    "mfilter": (
        "Mailer Daemon <postmaster@c.example>", "failure notice",
        "Failed to deliver your mail.\n\n-------server message\n550 5.1.1 unknown user <x@c.example>\n\n"
        "-------unsent message\nReceived: from b.example\n",
        "5.1.1", "unknown-user",
    ),
    "kddi": (
        "no-reply@c.example", "Mail sent was not delivered",
        "Your mail sent on: Thu, 1 Jan 2009 11:04:47 +0900\n    Could not be delivered to: <x@c.example>\n"
        "    As their mailbox is full.\n",
        "5.2.2", "mailbox-full",
    ),
    "imail": (
        "Postmaster <postmaster@c.example>", "Undeliverable Mail",
        "Unknown user: x@c.example\n\nOriginal message follows.\n\nReceived: from b.example\n",
        "5.1.1", "unknown-user",
    ),
    "gmail": (
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>", "Delivery Status Notification (Failure)",
        "Delivery to the following recipient failed permanently:\n\n     x@c.example\n\n"
        "Technical details of permanent failure: \nGoogle tried to deliver your message, but it was rejected by the "
        "recipient domain. The error that the other server returned was: 550 550-5.1.1 The email account that you tried "
        "to reach does not exist (state 14).\n\n----- Original message -----\n",
        "5.1.1", "unknown-user",
    ),
    "opensmtpd": (
        "Mailer Daemon <MAILER-DAEMON@c.example>", "Delivery status notification: error",
        "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.\n\n"
        "    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n"
        "x@c.example: 552 5.2.2 <x@c.example>... Mailbox Full\n\n    Below is a copy of the original message:\n\n"
        "Received: from b.example\n",
        "5.2.2", "mailbox-full",
    ),
    "courier": (
        "Courier mail server at c.example <@>", "NOTICE: mail delivery status.",
        "This is a delivery status notification from c.example,\nrunning the Courier mail server, version 0.65.2.\n\n"
        "                             UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n"
        "<x@c.example>:\n    mx.c.example [192.0.2.1]:\n>>> RCPT TO:<x@c.example>\n"
        "<<< 550 5.1.1 <x@c.example>... User Unknown\n",
        "5.1.1", "unknown-user",
    ),
    "exchange without fields": (
        "Microsoft Exchange <postmaster@c.example>", "Undeliverable: News",
        "Delivery has failed to these recipients or distribution lists:\n\nx@c.example\nThe recipient's e-mail address was "
        "not found in the recipient's e-mail system.\n\n________________________________\nDiagnostic information for "
        "administrators:\n\nGenerating server: mx.c.example\n\nx@c.example\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not "
        "found ##\n\nOriginal message headers:\n\nReceived: from b.example\n",
        "5.1.1", "unknown-user",
    ),
    "exchange 5.5": (
        "System Administrator <postmaster@c.example>", "Undeliverable: News",
        "Your message\n\n  To:      list@b.example\n  Subject: News\n  Sent:    Thu, 1 Jan 2009 23:34:45 +0900\n\n"
        "did not reach the following recipient(s):\n\nx@c.example on Thu, 1 Jan 2009 23:34:50 +0900\n"
        "    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=jp;a= ;p=C\n"
        "    MSEXCH:IMS:C:MX 0 (000C05A6) Unknown Recipient\n",
        "5.1.1", "unknown-user",
    ),
    "powermta": (
        "postmaster@c.example", "Delivery report",
        "Hello, this is the mail server on mx.c.example.\n\nI am sending you this message to inform you on the delivery\n"
        "status of a message you previously sent.  Immediately below you\nwill find a list of the affected recipients.\n\n"
        "Delivery to the following recipients was aborted after 12.3 hour(s):\n\n  * x@c.example\n",
        "4.4.7", "expired",
    ),
    "einsundeins": (
        "mailer-daemon@kundenserver.example", "Mail delivery failed: returning message to sender",
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be "
        "delivered to one or more of\nits recipients. The following addresses failed:\n\nx@c.example\n"
        "550 5.2.1 <x@c.example>... Mailbox disabled\n\n--- The header of the original message is following. ---\n\n"
        "Received: from b.example\n",
        "5.2.1", "inactive-user",
    ),
    "zoho": (
        "mailer-daemon@mail.zoho.example", "Undelivered Mail Returned to Sender",
        "This message was created automatically by mail delivery software.\n A message that you sent could not be "
        "delivered to one or more of its recipients. This is a permanent error. \n\n\n"
        "x@c.example Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <x@c.example>... User Unknown\n\n\n"
        "Received:from mail.zoho.example\n",
        "5.1.1", "unknown-user",
    ),
    "mercury": (
        "Electronic Postmaster <postmaster@c.example>", "Postmaster Notify: Delivery Failure",
        "With respect to your message:\n   Date: Thu, 1 Jan 2009\n\nThe local mail transport system has reported the "
        "following problems it\nencountered while trying to deliver your message:\n\n"
        "*** x@c.example\n    User not known at this site.\n",
        "5.1.1", "unknown-user",
    ),
    "groupwise": (
        "Mailer-Daemon@c.example", "Message status - undeliverable",
        "The message that you sent was undeliverable to the following:\n\tx@c.example (user not found)\n",
        "5.1.1", "unknown-user",
    ),
    "mdaemon": (
        "MDaemon at c.example <MDaemon@c.example>", "Permanent Delivery Failure",
        "The attached message had PERMANENT fatal delivery errors!\n\nAfter one or more unsuccessful delivery attempts "
        "the attached message has\nbeen removed from the mail queue on this server.\n\nYOUR MESSAGE WAS NOT DELIVERED TO "
        "ONE OR MORE RECIPIENTS!\n\n--- Session Transcript ---\n >>> RCPT To:<x@c.example>\n"
        " <<< 550 5.1.1 <x@c.example>... Recipient unknown\n--- End Transcript ---\n",
        "5.1.1", "unknown-user",
    ),
    "german": (
        "Mailzustellsystem <postmaster@c.example>", "Unzustellbar: Neues",
        "Ihre Nachricht konnte nicht zugestellt werden:\n\nx@c.example\n\nGrund: Empfänger unbekannt\n",
        "5.1.1", "unknown-user",
    ),
    "french": (
        "postmaster@c.example", "Échec de remise : Nouvelles",
        "Votre message n'a pas pu être remis à :\n\n<x@c.example>\n\nL'adresse est inconnue.\n",
        "5.1.1", "unknown-user",
    ),
    "russian": (
        "postmaster@c.example", "Недоставленное сообщение",
        "Ваше письмо не может быть доставлено:\n\nx@c.example\n\nПользователь не найден\n",
        "5.1.1", "unknown-user",
    ),
    "chinese": (
        "Postmaster <postmaster@c.example>", "系统退信",
        "抱歉，您的邮件被退回来了……\n\n收件人: x@c.example\n\n退信原因: 收件人 x@c.example 不存在\n550 User not found: x@c.example\n",
        "5.1.1", "unknown-user",
    ),
    "japanese": (
        "postmaster@c.example", "メール配信エラー",
        "以下のあて先にメールを配信できませんでした。\n\n<x@c.example>\n\n宛先のメールアドレスが見つかりませんでした。\n",
        "5.1.1", "unknown-user",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_form(name):
    sender, subject, notice, status, reason = FORMS[name]
    words = notice + ("" if "Received:" in notice else "\nReceived: from b.example\n") + "Message-ID: <1@b.example>\n"
    head = f"Return-Path: <>\nFrom: {sender}\nTo: a@b.example\nSubject: {subject}\n"
    found = understand(f"{head}Content-Type: text/plain; charset=utf-8\n\n{words}From: a@b.example\n".encode())
    assert found.kind == "bounce"
    assert [(p.address, p.status, p.reason) for p in found.recipients] == [("x@c.example", status, reason)]
    assert found.message_id == "1@b.example"


ORDINARY = {
    "parcel": (
        "From: Parcels <no-reply@parcel.example>\nSubject: Delivery failed: your parcel 550",
        "Your parcel could not be delivered.\nChoose a new day: https://parcel.example/550\n"
        "Sent to a@b.example, questions to help@parcel.example\n",
    ),
    "monitor": (
        "From: Alerts <notifications@monitor.example>\nSubject: Delivery problem resolved",
        "All messages were not delayed.\n",
    ),
    "question": (
        "From: Jane <jane@c.example>\nSubject: Undelivered Mail Returned to Sender",
        "Do you know what that means?\n\n<x@c.example>: 550 5.1.1\n",
    ),
    "shop": (
        "From: Shop <mail@shop.example>\nSubject: Your message to our support",
        "We got it. Our mailbox is full, so have patience.\n",
    ),
    "digest": (
        "From: Postmaster <postmaster@c.example>\nSubject: Weekly digest of held mail",
        "Two messages wait: from x@d.example, y@d.example\n",
    ),
    "welcome": ("From: list-owner@c.example\nSubject: Welcome", "You are now a member of this mailing list.\n"),
    "sales": (
        "From: Sales <no-reply@crm.example>\nSubject: Failure rates fell\nList-Id: <news.crm.example>",
        "Bounced mails: 5.1.1 for x@c.example\n",
    ),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_what_only_sounds_like_it_is_ordinary(name):
    head, body = ORDINARY[name]
    message = f"Return-Path: <r@c.example>\n{head}\nTo: a@b.example\n\n{body}"
    assert understand(message.encode()).kind == "ordinary"
