"""How the source is written: names, opening sentences, purity, no state in modules, nothing left lying."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

from tests.contracts.source import ROOT, Module, dotted_name, module_of, modules, report

NO_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}
MUTATORS = {
    "append", "extend", "insert", "remove", "pop", "popitem", "clear", "add", "discard", "update", "setdefault", "sort",
    "reverse", "appendleft", "popleft", "move_to_end",
}  # fmt: skip
MUTABLE = {"list", "dict", "set", "deque", "defaultdict", "OrderedDict", "Counter", "WeakValueDictionary", "bytearray"}
LEFT_LYING = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def test_no_room_for_everything() -> None:
    """Never 6."""
    found = [module.at(module.tree) for module in modules() if NO_NAMES & set(module.name.split("."))]

    assert not found, report(found)


def test_every_module_opens_with_a_sentence() -> None:
    found = [
        module.at(module.tree)
        for module in modules()
        if not re.search(r"\w+ \w+.*[.:](\s|$)", module.docstring.replace("[pure]", ""), re.DOTALL)
    ]

    assert not found, report(found)


def test_wire_is_marked_pure() -> None:
    """Modules that only list what a package offers may leave the mark to those that they name."""
    found = [m.at(m.tree) for m in modules() if m.room == "wire" and not m.is_pure and m.path.name != "__init__.py"]

    assert not found, report(found)


def test_pure_modules_wait_for_nothing() -> None:
    """No await, no event loop, no clock, no statement run: a pure module only decides."""
    found = [line for module in modules() if module.is_pure for line in impurities(module)]

    assert not found, report(found)


def impurities(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"{module.at(node)} awaits"
    for node, package, name, _ in module.imports():
        if package in ("asyncio", "socket", "sqlite3", "random", "secrets") or name in (
            "Clock",
            "Database",
            "Transaction",
        ):
            yield f"{module.at(node)} imports {package} {name}"
    for node, called in module.calls():
        if called.endswith((".execute", ".scalars")) or called in ("open", "print"):
            yield f"{module.at(node)} calls {called}"


def test_impurity_is_seen() -> None:
    staged = module_of("import asyncio\nasync def f(conn):\n    await g()\n    conn.execute(1)\n")

    assert len(list(impurities(staged))) == 3


def test_modules_keep_no_state() -> None:
    """Never 5: what changes lives in an object that `app` has built."""
    found = [line for module in modules() for line in state_changes(module)]

    assert not found, report(found)


def state_changes(module: Module) -> Iterator[str]:
    names = set(mutable_globals(module))
    for function in module.functions():
        shadowed = local_names(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                yield f"{module.at(node)} global {', '.join(node.names)}"
            if (changed := changed_name(node)) in names - shadowed:
                yield f"{module.at(node)} changes {changed}"


def test_state_in_a_module_is_seen() -> None:
    staged = module_of("seen = {}\n\ndef f(x):\n    seen[x] = 1\n\ndef g(seen):\n    seen.append(1)\n")

    assert list(state_changes(staged)) == ["src/lettershop/base/staged.py:4 changes seen"]


def mutable_globals(module: Module) -> Iterator[str]:
    for node in module.tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp) or (
            isinstance(value, ast.Call) and dotted_name(value.func).rpartition(".")[2] in MUTABLE
        ):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def local_names(function: ast.AST) -> set[str]:
    """Names that the function itself binds."""
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}


def changed_name(node: ast.AST) -> str:
    """The bare name whose value a node changes in place: `x.append(…)`, `x[…] = …`, `del x[…]`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        return dotted_name(node.func.value)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return dotted_name(node.value)
    return ""


def test_nothing_is_cached_by_a_function_of_a_module() -> None:
    """`functools.cache` on a method or a function that reads the world is state in a module by another name."""
    found = [
        f"{module.at(function)} {function.name} is async and cached"
        for module in modules()
        for function in module.functions()
        if isinstance(function, ast.AsyncFunctionDef)
        and any(
            dotted_name(d.func if isinstance(d, ast.Call) else d).endswith("cache") for d in function.decorator_list
        )
    ]

    assert not found, report(found)


def test_nothing_is_left_lying() -> None:
    found = [
        f"{module.path.relative_to(ROOT)}:{number} {line.strip()}"
        for module in modules()
        for number, line in enumerate(module.text.splitlines(), 1)
        if LEFT_LYING.search(line)
    ]

    assert not found, report(found)


def test_no_code_is_commented_out() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "ERA", "src", "tests", "tools", "benchmarks"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def test_no_print_beside_the_commands() -> None:
    """Logs go through `base.log`; only commands and the supervisor, which is one, speak on the terminal."""
    found = [
        module.at(node)
        for module in modules()
        if module.room not in ("cli", "supervisor")
        for node, name in module.calls()
        if name == "print"
    ]

    assert not found, report(found)
