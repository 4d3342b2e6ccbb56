"""One language for rules: a JSON tree of `all` / `any` / `not` over comparisons of features.

    {"all": [
        {"feature": "orders_90d", "at_least": 3}, {"feature": "amount_90d", "of": "GROCERY",
        "at_least": 5000}, {"not": {"feature": "last_order_at", "within_last_days": 7}}
    ]}

A *catalogue* says which features there are and of which type; `parse` checks a tree against it. The
parsed condition is a value with several interpreters that property tests hold equal:

    compile_predicate / compile_source   one member, generated Python
    shared.conditions.sql.to_sql         millions of members, a SQLAlchemy expression
    next_change                          when the answer changes with no further event
    explain                              which comparisons decided, with figures

What all of them agree on:

- **A missing value makes a comparison false** (missing: no such key, None, NaN). `not` of it is
  therefore true; SQL's third truth value never shows. `exists` asks for it.
- An empty `all` is true, an empty `any` is false.
- Text is compared by code point, not by language.
- Instants are microseconds (see `shared.clock`). What is relative to the present
  (`within_last_days`) takes the present from the value named "now".
- A *keyed* feature holds one value per key (amount by category); comparisons say which with `of`.

`to_sql` is not re-exported here, so that a pure domain module may import this package.
"""

from shared.conditions.catalogue import Catalogue, Feature
from shared.conditions.change import next_change
from shared.conditions.errors import ConditionError, Problem
from shared.conditions.explain import explain
from shared.conditions.grammar import parse, to_json
from shared.conditions.model import (
    NOW,
    OPERATORS,
    All,
    Any,
    Comparison,
    Condition,
    FeatureType,
    Not,
    Operator,
    features_of,
    uses_now,
)
from shared.conditions.predicate import compile_predicate, compile_source
from shared.conditions.schema import json_schema

__all__ = [
    "NOW",
    "OPERATORS",
    "All",
    "Any",
    "Catalogue",
    "Comparison",
    "Condition",
    "ConditionError",
    "Feature",
    "FeatureType",
    "Not",
    "Operator",
    "Problem",
    "compile_predicate",
    "compile_source",
    "explain",
    "features_of",
    "json_schema",
    "next_change",
    "parse",
    "to_json",
    "uses_now",
]
