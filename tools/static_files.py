"""Copies the few front-end files that the web interface needs from node_modules into its vendor folder.

`make static` calls it after `npm ci`. Nothing here is committed but the pins; every file keeps its licence: as a
file beside it, or (Tabler) in its own first lines. `--tidy-lock` removes the addresses that npm writes into
package-lock.json for funding, so that the lock file holds no host name; run it after changing a pin.
"""

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "src/lettershop/servers/web/static/vendor"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.css",
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
    "grapesjs/dist/grapes.min.js": "grapes.js",
    "grapesjs/dist/css/grapes.min.css": "grapes.css",
    "grapesjs/locale/de.mjs": "grapes-de.js",
    "grapesjs/LICENSE": "grapes.LICENSE.txt",
    "grapesjs-mjml/dist/index.js": "grapes-mjml.js",
    "grapesjs-mjml/README.md": "grapes-mjml.LICENSE.txt",
    "ace-builds/src-min-noconflict/ace.js": "ace.js",
    "ace-builds/src-min-noconflict/mode-html.js": "ace-html.js",
    "ace-builds/css/ace.css": "ace.css",
    "ace-builds/LICENSE": "ace.LICENSE.txt",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
    "@fontsource-variable/inter/LICENSE": "inter.LICENSE.txt",
    "@fontsource-variable/fraunces/files/fraunces-latin-opsz-normal.woff2": "fraunces-latin.woff2",
    "@fontsource-variable/fraunces/files/fraunces-latin-ext-opsz-normal.woff2": "fraunces-latin-ext.woff2",
    "@fontsource-variable/fraunces/LICENSE": "fraunces.LICENSE.txt",
}
SOURCE_MAP = b"sourceMappingURL="


def copy() -> None:
    """Fill the vendor folder; what was in it before is gone."""
    missing = [source for source in FILES if not (MODULES / source).is_file()]
    if missing:
        sys.exit(f"Not brought by npm: {', '.join(missing)}")
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for source, name in FILES.items():
        (VENDOR / name).write_bytes(_without_source_map((MODULES / source).read_bytes()))


def _without_source_map(content: bytes) -> bytes:
    """Browsers would ask for the map, which is not copied."""
    lines = content.split(b"\n")
    return b"\n".join(line for line in lines if not (SOURCE_MAP in line and len(line) < 200))


def tidy_lock() -> None:
    """Leave no address in the lock file."""
    path = ROOT / "package-lock.json"
    lock = json.loads(path.read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)
    path.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    tidy_lock() if "--tidy-lock" in sys.argv else copy()
