"""A campaign as a TOML file, for `campaign create FILE`. Paths in it are relative to the file.

name = "Autumn"                      subject = "Hello {{ first_name|default('you') }}"
list = "Newsletter"                  segment = 'plan = "pro" and orders > 2'
html = "newsletter.html"             text = "newsletter.txt"
format = "mjml"                      # of html: html, mjml, markdown; left out: by the ending .mjml or .md of its file
pool = "newsletters"                 # of source addresses; also possible for the brand
hourly = 5000                        # messages at most; left out: no limit
local_zone = "Europe/Berlin"         # at everybody's own time, by zone_attribute = "timezone"
untracked = ["bank.example"]         # hosts or beginnings of addresses; [utm] source = "…" medium = "…" campaign = "…"
tracking = "consented"               # individual, consented, aggregate, none; left out: as the workspace has it
files = ["terms.pdf"]                inline = ["logo.png"]   # pictures that the HTML shows as cid:logo.png
layout = "Letter"                    # [variants.de] subject, preheader, html and text: what differs in a language
[brand]                              # or brand = "Juniper & Pine", if it is there already
name = "Juniper & Pine"              from_name = "…"   from_address = "…"   postal_address = "…"
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lettershop.marketing.campaigns import CampaignInvalid, Draft
from lettershop.marketing.languages import PARTS

_KEYS = {
    "name",
    "subject",
    "preheader",
    "list",
    "segment",
    "html",
    "text",
    "format",
    "brand",
    "track_opens",
    "track_clicks",
    "pool",
    "tracking",
    "hourly",
    "local_zone",
    "zone_attribute",
    "utm",
    "untracked",
    "archive",
    "files",
    "inline",
    "layout",
    "variants",
    "language_attribute",
}
_ENDINGS = {".mjml": "mjml", ".md": "markdown", ".markdown": "markdown"}
_BRAND_KEYS = {"name", "from_name", "from_address", "reply_to", "postal_address", "pool", "settings"}


@dataclass(frozen=True, slots=True)
class CampaignFile:
    """A read file. `files`: its enclosures and whether they are inline.

    `brand`: what `store.workspaces.ensure_brand` takes, or None if only its name is given."""

    draft: Draft
    brand: dict[str, Any] | None
    files: tuple[tuple[Path, bool], ...] = ()


def read(path: Path) -> CampaignFile:
    """Read a campaign file and the files that it names; raises CampaignInvalid."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CampaignInvalid(f"{path} cannot be read.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CampaignInvalid(f"{path} is not valid TOML: {error}.") from error
    _only(tree, _KEYS, path)
    brand = tree.get("brand")
    if isinstance(brand, dict):
        _only(brand, _BRAND_KEYS, path)
    for key in ("name", "subject", "html", "brand"):
        if not tree.get(key):
            raise CampaignInvalid(f"{path}: {key} is missing.")
    name = brand.get("name", "") if isinstance(brand, dict) else str(brand)
    draft = Draft(
        name=str(tree["name"]), subject=str(tree["subject"]), preheader=str(tree.get("preheader", "")), brand=name,
        list_name=str(tree.get("list", "")), segment=str(tree.get("segment", "")),
        html=_content(path, tree["html"]), text=_content(path, tree.get("text", "")),
        track_opens=bool(tree.get("track_opens", True)), track_clicks=bool(tree.get("track_clicks", True)),
        pool=str(tree.get("pool", "")), tracking=str(tree.get("tracking", "")),
        hourly=_number(path, tree.get("hourly", 0)), local_zone=str(tree.get("local_zone", "")),
        zone_attribute=str(tree.get("zone_attribute", "timezone")),
        utm={key: str(value) for key, value in tree.get("utm", {}).items()},
        untracked=[str(one) for one in tree.get("untracked", [])],
        layout=str(tree.get("layout", "")),
        archive=str(tree.get("archive", "")), language_attribute=str(tree.get("language_attribute", "language")),
        variants={tag: _variant(path, parts) for tag, parts in tree.get("variants", {}).items()},
        format=str(tree.get("format") or _ENDINGS.get(Path(tree["html"]).suffix.lower(), "html")),
    )  # fmt: skip
    files = tuple(
        (path.parent / str(name), key == "inline") for key in ("files", "inline") for name in tree.get(key, [])
    )
    return CampaignFile(draft, _brand(brand) if isinstance(brand, dict) else None, files)


def _brand(table: dict[str, Any]) -> dict[str, Any]:
    settings = table.get("settings")
    values: dict[str, Any] = {key: str(value) for key, value in table.items() if key != "settings"}
    return values if settings is None else {**values, "settings": {key: str(value) for key, value in settings.items()}}


def _only(tree: dict[str, Any], known: set[str], path: Path) -> None:
    unknown = sorted(tree.keys() - known)
    if unknown:
        raise CampaignInvalid(f"{path}: unknown key {unknown[0]}.", remedy=f"There are {', '.join(sorted(known))}.")


def _variant(path: Path, parts: dict[str, Any]) -> dict[str, str]:
    """Subject and preheader as they are written, html and text from their files."""
    _only(parts, set(PARTS), path)
    return {name: _content(path, value) if name in ("html", "text") else str(value) for name, value in parts.items()}


def _number(path: Path, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise CampaignInvalid(f"{path}: hourly is a number.")
    return value


def _content(path: Path, name: str) -> str:
    if not name:
        return ""
    try:
        return (path.parent / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CampaignInvalid(f"{path}: {name} cannot be read as UTF-8 text.") from error
