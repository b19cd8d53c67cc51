"""The source as the contract tests read it: every tracked or new module of src/, parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "lettershop"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """As imported, without the leading "lettershop."."""
        parts = self.path.relative_to(PACKAGE).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        return self.name.split(".")[0]

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    @property
    def is_pure(self) -> bool:
        return self.docstring.split("\n\n")[0].endswith("[pure]")

    @property
    def lines(self) -> int:
        return self.text.count("\n") + 1

    def at(self, node: ast.AST) -> str:
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call with its dotted name, import aliases resolved: `now()` after `from time import time as now` is time.time."""
        names = self.imported_names()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and (dotted := dotted_name(node.func)):
                head, _, rest = dotted.partition(".")
                full = names.get(head, head)
                yield node, f"{full}.{rest}" if rest else full

    def imported_names(self) -> dict[str, str]:
        """Local name -> what it stands for."""
        found: dict[str, str] = {}
        for _, module, name, local in self.imports():
            if name:
                found[local] = f"{module}.{name}"
            elif local != module.split(".")[0]:
                found[local] = module
        return found

    def imports(self) -> Iterator[tuple[ast.stmt, str, str, str]]:
        """(node, module, name or "", local name) of every import, wherever it stands."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node, alias.name, "", alias.asname or alias.name.split(".")[0]
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    yield node, node.module or "", alias.name, alias.asname or alias.name


def dotted_name(node: ast.expr) -> str:
    """a.b.c of such an expression, else ""."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted_name(node.value)):
        return f"{head}.{node.attr}"
    return ""


def module_of(text: str, name: str = "base.staged") -> Module:
    """A module that a test writes, to see that a check can fail."""
    return Module(PACKAGE / f"{name.replace('.', '/')}.py", text, ast.parse(text))


@cache
def modules() -> tuple[Module, ...]:
    """All modules, migrations aside: those are generated and never edited again."""
    paths = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)
    return tuple(Module(path, text := path.read_text(), ast.parse(text)) for path in paths)


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git tracks; outside a git clone, every file of the folders that it would."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())
    folders = ("src", "tests", "docs", "tools", "benchmarks", "requirements")
    return tuple(path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())


def report(violations: list[str]) -> str:
    """What a failing contract shows."""
    return "\n".join(["", *violations])
