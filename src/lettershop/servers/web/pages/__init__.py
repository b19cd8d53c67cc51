"""The screens, one file each. A new one is a file and a line here; its place in the navigation is its place in the list."""

from collections.abc import Callable

from lettershop.servers.web.frame import Screen, Ui
from lettershop.servers.web.pages import (
    account,
    accounts,
    audit,
    campaigns,
    compose,
    contact_acts,
    contacts,
    design,
    domains,
    home,
    imports,
    inbox,
    lists,
    mail,
    mail_write,
    me,
    people,
    queue,
    recipients,
    report,
    segments,
    signin,
    signin_code,
    webhooks,
)
from lettershop.servers.web.ports import Services

SCREENS: tuple[Callable[[Ui, Services], Screen | None], ...] = (
    signin.screen,
    signin_code.screen,
    home.screen,
    inbox.screen,
    mail.screen,
    mail_write.screen,
    campaigns.screen,
    compose.screen,
    design.screen,
    report.screen,
    recipients.screen,
    contacts.screen,
    imports.screen,
    contact_acts.screen,
    lists.screen,
    segments.screen,
    queue.screen,
    domains.screen,
    accounts.screen,
    account.screen,
    people.screen,
    webhooks.screen,
    audit.screen,
    me.screen,
)
