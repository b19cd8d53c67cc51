"""From stored rows to a `Design`: the campaign, its brand and its list. The one place where they come together."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from sqlalchemy import Connection

from lettershop.marketing.assembly import Block, Body, assemble
from lettershop.marketing.blocks import blocks_of
from lettershop.marketing.content import Design
from lettershop.marketing.template import TemplateInvalid
from lettershop.store import designs, media, subscriptions, tracking, workspaces
from lettershop.store.campaigns import Campaign


def design_of(conn: Connection, campaign: Campaign, public_url: str) -> Design | None:
    """What a campaign's message is made of, as it was when it started; None if its brand is gone."""
    kept = designs.kept(conn, campaign.id) if campaign.started_at is not None else None
    if kept is not None:
        return replace(_from_json(kept), public_url=public_url, kept=True)
    written = _written(conn, campaign, public_url)
    if written is not None and campaign.files:
        written = _with_files(conn, campaign, written)
    return _assembled(written, blocks_of(conn, campaign.workspace_id), campaign.layout) if written else None


def to_json(design: Design) -> dict[str, Any]:
    """As it is kept."""
    return asdict(design)


def _from_json(tree: Mapping[str, Any]) -> Design:
    known = {entry.name for entry in fields(Design)}
    return Design(**{name: value for name, value in tree.items() if name in known})


def _with_files(conn: Connection, campaign: Campaign, design: Design) -> Design:
    known = media.by_ids(conn, campaign.workspace_id, [one["media_id"] for one in campaign.files])
    lost = [one["media_id"] for one in campaign.files if one["media_id"] not in known]
    files = [
        {name: getattr(known[one["media_id"]], name) for name in ("name", "content_type", "hash", "blob", "size")}
        | {"inline": bool(one.get("inline"))}
        for one in campaign.files if one["media_id"] in known
    ]  # fmt: skip
    return replace(design, files=files, problem=f"There is no medium {lost[0]}." if lost else "")


def _assembled(design: Design, blocks: Mapping[str, Block], layout: str) -> Design:
    """The design with layout and blocks put in; where that cannot be, `problem` says why."""
    try:
        body = assemble(Body(design.html, design.text, design.format), blocks, layout)
        variants = {tag: _variant(design, parts, blocks, layout) for tag, parts in design.variants.items()}
    except TemplateInvalid as error:
        return replace(design, problem=error.public)
    return replace(design, html=body.html, text=body.text, format=body.format, variants=variants)


def _variant(design: Design, parts: Mapping[str, str], blocks: Mapping[str, Block], layout: str) -> dict[str, str]:
    """A variant that has a body or a text part of its own has them whole; what it has not is the main one's, whole too."""
    given = {name: value for name, value in parts.items() if value}
    body = Body(given.get("html", ""), given.get("text", ""), design.format)
    if "html" in given:
        whole = assemble(body, blocks, layout)
        return {**given, "html": whole.html, "text": whole.text}
    return {**given, "text": assemble(body, blocks).text} if "text" in given else given


def _written(conn: Connection, campaign: Campaign, public_url: str) -> Design | None:
    brand = workspaces.brand(conn, campaign.brand_id)
    if brand is None:
        return None
    silent = (campaign.tracking or tracking.mode_of(conn, campaign.workspace_id)) == "none"
    return Design(
        campaign_id=campaign.id, version=campaign.version, workspace_id=campaign.workspace_id,
        subject=campaign.subject, html=campaign.html, text=campaign.text, format=campaign.format, preheader=campaign.preheader,
        from_name=brand.from_name, from_address=brand.from_address, reply_to=brand.reply_to,
        brand=brand.name, postal_address=brand.postal_address, public_url=public_url,
        list_id=campaign.list_id, list_name=subscriptions.list_name(conn, campaign.list_id),
        track_opens=campaign.track_opens and not silent, track_clicks=campaign.track_clicks and not silent,
        settings=brand.settings, variants=campaign.variants, language_attribute=campaign.language_attribute,
        utm=campaign.utm, untracked=tuple(campaign.untracked),
    )  # fmt: skip
