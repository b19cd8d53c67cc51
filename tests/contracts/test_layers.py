"""The layers of the house, held by import-linter; and what it cannot see, by reading the imports."""

import subprocess
import sys
from pathlib import Path

from tests.contracts.source import ROOT, Module, modules, report

TYPES_FROM_SQLALCHEMY = {"Connection"}
"""Outside the store a function may say that it is given a connection; it may not build a statement."""


def test_import_linter_keeps_all_contracts() -> None:
    program = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_store_builds_sql() -> None:
    found = [
        f"{module.at(node)} imports {package}.{name}"
        for module in modules()
        if module.room != "store"
        for node, package, name, _ in module.imports()
        if package.split(".")[0] == "sqlalchemy" and name not in TYPES_FROM_SQLALCHEMY
    ]

    assert not found, report(found)


def test_servers_take_only_values_and_errors_from_the_store() -> None:
    """Never 4: a server calls a service; a function of the store it does not know."""
    found = [
        f"{module.at(node)} imports {package}.{name}"
        for module in modules()
        if module.room == "servers"
        for node, package, name, _ in module.imports()
        if package.startswith("lettershop.store") and not is_class_name(name)
    ]

    assert not found, report(found)


def is_class_name(name: str) -> bool:
    return name[:1].isupper() and not name.isupper()


def test_every_folder_is_a_package() -> None:
    """Without its __init__.py a folder is invisible to import-linter."""
    folders = {module.path.parent for module in modules()}

    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]


def test_a_file_may_not_hide_its_floor() -> None:
    """Relative imports would go unseen by the reader of a layer; all are absolute."""
    found = [module.at(node) for module in modules() for node, package, _, _ in module.imports() if not package]

    assert not found, report(found)


def room(name: str) -> Module:
    return next(module for module in modules() if module.name == name)


def test_the_reader_of_this_suite_sees_imports() -> None:
    """The checks above rest on `Module`; this holds it to a module whose imports are known."""
    names = room("base.clock").imported_names()

    assert names["Callable"] == "collections.abc.Callable"
    assert "time.time" in {name for _, name in room("base.clock").calls()}
