"""The generated "until when" is what the conditions themselves say at every instant to come."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.domain.features import (
    CATALOGUE,
    CATALOGUES,
    FIGURES,
    SCOPED,
    WINDOWS,
    scoped_values,
    values_of,
)
from services.segmentation.domain.history import NEVER, History
from services.segmentation.domain.horizons import compile_rules, may_rise
from services.segmentation.domain.reading import Scope
from shared.clock import DAY, Instant
from shared.conditions import (
    OPERATORS,
    Catalogue,
    Condition,
    Feature,
    compile_predicate,
    features_of,
    next_change,
    parse,
)
from tests.property.services.segmentation.stories import (
    CATEGORIES,
    KINDS,
    STORES,
    Item,
    histories,
    machine_of,
    replayed,
)

MACHINE = machine_of()
DAYS = (1, 7, 30, 90, 365)


@st.composite
def trees(draw: st.DrawFn, catalogue: Catalogue, depth: int = 2) -> dict[str, Any]:
    """A condition over the catalogue, with constants near what members have."""
    branch = draw(st.sampled_from(("leaf", "leaf", "all", "any", "not"))) if depth else "leaf"
    if branch == "not":
        return {"not": draw(trees(catalogue, depth - 1))}
    if branch != "leaf":
        return {branch: draw(st.lists(trees(catalogue, depth - 1), max_size=3))}
    feature = draw(st.sampled_from(list(catalogue)))
    op = draw(st.sampled_from(OPERATORS[feature.type]))
    tree: dict[str, Any] = {"feature": feature.name, op: draw(_constants(feature, op))}
    if feature.keyed:
        tree["of"] = draw(st.sampled_from((*CATEGORIES, *KINDS)))
    return tree


def _constants(feature: Feature, op: str) -> st.SearchStrategy[Any]:
    if op == "exists":
        return st.booleans()
    if op.endswith(("_days", "_days_ago")):
        return st.sampled_from(DAYS)
    if op in {"before", "since"}:
        return st.sampled_from(("2023-12-25T00:00:00Z", "2024-02-29T23:59:59+08:00"))
    texts = st.sampled_from((*STORES, *CATEGORIES, "Wuhan", "other", "tea", "c-1"))
    amount = feature.unit == "minor units"
    numbers = st.sampled_from((0, 500, 1500, 3000, 6000)) if amount else st.integers(-1, 5)
    each: st.SearchStrategy[Any] = numbers if feature.type == "int" else texts
    if op == "between":
        return st.lists(each, min_size=2, max_size=2).map(sorted)
    if op in {"one_of", "none_of", "contains_any", "contains_all"}:
        return st.lists(each, min_size=1, max_size=3)
    return each


def _instants(history: History, now: Instant) -> list[Instant]:
    """Every instant after now at which anything could change, and those just before and after."""
    known = [
        *history.order_at,
        *history.action_at,
        history.joined_at,
        history.comeback_at,
        history.first_order_at,
    ]
    spans = {*WINDOWS, *DAYS}
    ends = {at + days * DAY for at in known if at is not None for days in spans}
    return sorted({end + more for end in ends for more in (-1, 0, 1) if end + more > now})


def _first_true(rules: list[Condition], catalogue: Catalogue, values: dict[str, Any]) -> int:
    for i, rule in enumerate(rules):
        if compile_predicate(rule, catalogue)(values):
            return i
    return -1


@given(
    histories(least=1), st.lists(trees(CATALOGUE), min_size=1, max_size=3), st.integers(0, 60 * DAY)
)
@settings(max_examples=150, deadline=None)
def test_rules_hold_until_their_horizon(
    items: list[Item], sources: list[dict[str, Any]], later: Instant
) -> None:
    history = _history(items)
    now = history.at + later
    rules = [parse(source, CATALOGUE) for source in sources]
    names = {name for rule in rules for name in features_of(rule)}

    pick, until = compile_rules(rules)(history, now)

    assert pick == _first_true(rules, CATALOGUE, values_of(history, now, names))
    ahead = [
        (t, _first_true(rules, CATALOGUE, values_of(history, t, names)))
        for t in _instants(history, now)
    ]
    expected = next((t for t, other in ahead if other != pick), NEVER)
    assert until == expected


@given(histories(least=1), trees(CATALOGUE), st.integers(0, 60 * DAY))
@settings(max_examples=100, deadline=None)
def test_horizons_agree_with_next_change(
    items: list[Item], source: dict[str, Any], later: Instant
) -> None:
    history = _history(items)
    now = history.at + later
    rule = parse(source, CATALOGUE)
    values = values_of(history, now, features_of(rule))

    def future(name: str, /, *of: str) -> list[tuple[Instant, Any]]:
        figure = FIGURES[name]
        if figure.source is not None:
            return []
        steps = [(t, figure.read(history, t)) for t in _instants(history, now)]
        return [(t, value) for t, value in steps if of == ()]

    expected = next_change(rule, now, future, values)
    pick, until = compile_rules([rule])(history, now)
    assert until == (NEVER if expected is None else expected)
    if may_rise(rule):
        return
    before = pick
    for t in _instants(history, now):
        holds = compile_rules([rule])(history, t)[0]
        assert holds <= before, "said never to rise by time alone"
        before = holds


@given(histories(least=1), st.sampled_from(("category", "store")), st.data())
@settings(max_examples=100, deadline=None)
def test_scoped_rules_hold_until_their_horizon(
    items: list[Item], scope: Scope, data: st.DataObject
) -> None:
    history = _history(items)
    now = history.at + data.draw(st.integers(0, 60 * DAY))
    catalogue = CATALOGUES[scope]
    rule = parse(data.draw(trees(catalogue)), catalogue)
    names = features_of(rule)
    predicate = compile_predicate(rule, catalogue)
    decide = compile_rules([rule], scope)
    assert set(SCOPED[scope]) >= names
    for place in range(len(history.names)):
        pick, until = decide(history, now, place)
        holds = predicate(scoped_values(history, now, names, scope, place))
        assert (pick == 0) is holds
        ahead = (
            t
            for t in _instants(history, now)
            if predicate(scoped_values(history, t, names, scope, place)) is not holds
        )
        assert until == next(ahead, NEVER)


def _history(items: list[Item]) -> History:
    state = replayed(MACHINE, items, items[-1][0]).state
    assert state is not None
    return state.history
