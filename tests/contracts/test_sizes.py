"""Sizes of files and functions: what can be read at once. The figures are those of the best code of the field, measured."""

from statistics import median

from tests.contracts.source import Function, modules, report

FILE_LINES = 450
MEDIAN_FILE_LINES = 200
FUNCTION_LINES = 80
USUAL_FUNCTION_LINES = 35
USUAL_SHARE = 0.9


def length(function: Function) -> int:
    """Lines from `def` to the end, decorators aside."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_file_is_too_long() -> None:
    found = [f"{module.at(module.tree)} has {module.lines} lines" for module in modules() if module.lines > FILE_LINES]

    assert not found, report(found)


def test_the_median_file_is_short() -> None:
    assert median(module.lines for module in modules()) <= MEDIAN_FILE_LINES


def test_no_function_is_too_long() -> None:
    found = [
        f"{module.at(function)} {function.name} has {length(function)} lines"
        for module in modules()
        for function in module.functions()
        if length(function) > FUNCTION_LINES
    ]

    assert not found, report(found)


def test_nine_in_ten_functions_are_short() -> None:
    lengths = [length(function) for module in modules() for function in module.functions()]

    assert sum(size <= USUAL_FUNCTION_LINES for size in lengths) / len(lengths) >= USUAL_SHARE
