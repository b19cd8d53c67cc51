"""Numbers in bodies: JSON has no integers, so 5.0 is one wherever 5 is (JSON Schema 2020-12 6.1.1)."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from pydantic import ConfigDict, TypeAdapter

from lettershop.servers.web import api
from lettershop.servers.web.api.frame import Input


def bodies(kind: type[Input]) -> Iterator[type[Input]]:
    for one in kind.__subclasses__():
        yield one
        yield from bodies(one)


def numbers() -> Iterator[tuple[str, object]]:
    """The fields of all bodies that are a whole number by their description."""
    for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        importlib.import_module(module.name)
    for body in bodies(Input):
        for name, shape in body.model_json_schema(by_alias=False).get("properties", {}).items():
            kinds = {one.get("type") for one in shape.get("anyOf", [shape])}
            if "integer" in kinds and "number" not in kinds:
                yield f"{body.__name__}.{name}", body.model_fields[name].rebuild_annotation()


@pytest.mark.parametrize(("name", "kind"), list(numbers()))
def test_a_whole_number_may_be_written_with_a_point(name, kind):
    checked = TypeAdapter(kind, config=ConfigDict(strict=True))
    assert checked.validate_json("5.0") == 5, f"{name} needs INTEGRAL"
    with pytest.raises(ValueError, match="valid integer"):
        checked.validate_json("5.5")
    with pytest.raises(ValueError, match="valid integer"):
        checked.validate_json('"5"')


def test_there_are_such_fields():
    assert "Trial.subscriber_id" in dict(numbers())
