"""The REST API for Python programs: small, typed, synchronous. Nothing but the standard library and the API's own models.

    from lettershop.client import Client, NewSubscriber

    with Client("https://mail.example.com", "lst_…") as shop:
        shop.subscribers.create(NewSubscriber(email="ann@reader.example", consent=…))
        for campaign in shop.campaigns.all():
            print(campaign.name, shop.campaigns.report(campaign.id).opened)

`connection` speaks HTTP, `operations` says what an operation is, `resources` lists them all; a test holds that list to the
API's description. What the server refuses is raised as `ApiProblem` with its stable `code`. Lists come as iterators that ask
for the next page when it is needed. A client belongs to one thread.
"""

from lettershop.client.connection import ApiProblem, Unreachable
from lettershop.client.resources import Client
from lettershop.servers.web.api.accounts import ChangedAccount, NewAccount
from lettershop.servers.web.api.blocks import ChangedBlock, NewBlock
from lettershop.servers.web.api.brands import NewBrand
from lettershop.servers.web.api.campaign_times import Again, Repeat, Throttle
from lettershop.servers.web.api.campaigns import ChangedCampaign, NewCampaign, When
from lettershop.servers.web.api.domains import NewDomain
from lettershop.servers.web.api.lists import ChangedList, Joining, NewList
from lettershop.servers.web.api.messages import Batch, NewMessage
from lettershop.servers.web.api.queue import Many
from lettershop.servers.web.api.segments import ChangedSegment, NewSegment, Written
from lettershop.servers.web.api.subscribers import ChangedSubscriber, Consent, NewSubscriber, OffList, OnList
from lettershop.servers.web.api.suppressions import NewSuppression
from lettershop.servers.web.api.templates import ChangedTemplate, NewTemplate
from lettershop.servers.web.api.tokens import NewToken
from lettershop.servers.web.api.trials import Trial
from lettershop.servers.web.api.users import ChangedUser, NewUser
from lettershop.servers.web.api.webhooks import ChangedWebhook, NewSecret, NewWebhook, Range

__all__ = [
    "Again", "ApiProblem", "Batch", "ChangedAccount", "ChangedBlock", "ChangedCampaign", "ChangedList", "ChangedSegment",
    "ChangedSubscriber", "ChangedTemplate", "ChangedUser", "ChangedWebhook", "Client", "Consent", "Joining", "Many", "NewAccount",
    "NewBlock", "NewBrand", "NewCampaign", "NewDomain", "NewList", "NewMessage", "NewSecret", "NewSegment",
    "NewSubscriber", "NewSuppression", "NewTemplate", "NewToken", "NewUser", "NewWebhook", "OffList", "OnList", "Range",
    "Repeat", "Throttle", "Trial", "Unreachable", "When", "Written",
]  # fmt: skip
