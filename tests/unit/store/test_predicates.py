"""The SQL of a segment: a few by hand; `tests/properties/test_segments.py` proves the rest."""

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from lettershop.store.predicates import where

DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}


@pytest.mark.parametrize("name", DIALECTS)
def test_values_travel_as_parameters(name):
    tree = {
        "op": "and",
        "of": [{"op": "=", "field": "x", "value": "'; DROP TABLE contacts; --"}, {"op": "opened", "days": 3}],
    }
    compiled = where(tree, name, 1000.0).compile(dialect=DIALECTS[name])
    assert "DROP" not in str(compiled) and "'; DROP TABLE contacts; --" in compiled.params.values()
    assert 1000.0 - 3 * 86_400.0 in compiled.params.values()


@pytest.mark.parametrize("name", DIALECTS)
def test_an_empty_tree_is_everyone(name):
    assert "contacts" not in str(where({}, name, 0.0).compile(dialect=DIALECTS[name]))
