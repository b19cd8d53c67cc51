"""The API as one ASGI application: resources, errors, repeated requests, and its own description."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from lettershop.servers.web.api import (
    accounts,
    audit,
    blocks,
    brands,
    campaign_reports,
    campaign_times,
    campaigns,
    domains,
    events,
    groups,
    imports,
    journeys,
    lists,
    media,
    messages,
    problems,
    queue,
    reports,
    segments,
    subscribers,
    suppressions,
    templates,
    tokens,
    trials,
    users,
    webhooks,
)
from lettershop.servers.web.api.problems import DOCUMENTED, Problem
from lettershop.servers.web.api.repeat import Repeatable
from lettershop.servers.web.ports import ApiServices
from lettershop.servers.web.security import BodyLimit

PREFIX = "/api/v1"
LARGEST_BODY = 40 * 2**20
"""Bytes: a message with its attachments in base64."""

ABOUT = """Everything that the web interface does with audiences, campaigns and mail, for programs.

Make a token with `lettershop token create NAME --scope SCOPE` and send it as `Authorization: Bearer lst_…`. Lists come in
pages: pass `next_cursor` as `cursor`. Errors are `application/problem+json`. Any write may carry an `Idempotency-Key`."""


def build_api(services: ApiServices) -> ASGIApp:
    """The application for everything under /api/v1."""
    app = FastAPI(
        title="Lettershop", version="1", description=ABOUT, openapi_url=f"{PREFIX}/openapi.json", docs_url=None,
        redoc_url=None, generate_unique_id_function=_operation, separate_input_output_schemas=False,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.services = services
    problems.install(app)
    whole = APIRouter(prefix=PREFIX, responses=DOCUMENTED)
    for resource in (tokens, users, domains, accounts, queue, events, webhooks, audit):
        whole.include_router(resource.router)
    whole.include_router(journeys.router_of_queue)
    if services.marketing is not None:
        for router in (
            campaigns.router, campaign_times.router, trials.router, campaign_reports.router, campaign_reports.report_router, reports.router,
            groups.router,
            imports.router, brands.router, templates.router, blocks.router, media.router, messages.router,
            journeys.router_of_campaigns, subscribers.router, lists.router, segments.router, suppressions.router,
        ):  # fmt: skip
            whole.include_router(router)
    app.include_router(whole)
    _describe(app)
    inner: ASGIApp = BodyLimit(app, LARGEST_BODY)
    return Repeatable(inner, services.repeats)


def _operation(route: APIRoute) -> str:
    """The operation's name in generated clients, such as `campaigns_pause`."""
    module = route.endpoint.__module__.rpartition(".")[2]
    return f"{module}_{route.name.strip('_')}"


def _describe(app: FastAPI) -> None:
    """FastAPI describes its own form of 422; ours is a problem like all the others."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = plain()
            schemas = described.setdefault("components", {}).setdefault("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            made = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(made.pop("$defs", {}))
            schemas["Problem"] = made
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it
