"""What can be asked of the simulation."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.points.api.simulation import HypotheticalEvent, Profile, Simulation

EVENT: dict[str, Any] = {"type": "regulars.purchase.completed.v1", "data": {}}


@pytest.mark.parametrize(
    ("name", "longest", "shortest"), [("type", 200, 0), ("id", 200, 1), ("source", 256, 1)]
)
def test_names_of_an_event_are_as_long_as_the_log_takes(
    name: str, longest: int, shortest: int
) -> None:
    for length in (shortest, longest):
        event = HypotheticalEvent.model_validate(EVENT | {name: "x" * length})
        assert len(getattr(event, name)) == length
    for length in {longest + 1, max(0, shortest - 1)} - {shortest}:
        with pytest.raises(ValidationError):
            HypotheticalEvent.model_validate(EVENT | {name: "x" * length})


def test_an_event_without_a_source_is_the_simulations() -> None:
    event = HypotheticalEvent.model_validate(EVENT)
    assert (event.source, event.id, event.time) == ("urn:regulars:simulation", None, None)


@pytest.mark.parametrize(("length", "fits"), [(0, False), (1, True), (128, True), (129, False)])
def test_a_tier_has_a_name(length: int, fits: bool) -> None:  # noqa: FBT001 - a table
    given = {"tier": "x" * length}
    if fits:
        assert Profile.model_validate(given).tier == given["tier"]
    else:
        with pytest.raises(ValidationError):
            Profile.model_validate(given)


def test_it_happens_to_a_member_or_to_somebody_made_up_and_not_to_both() -> None:
    member: dict[str, Any] = {"member_id": str(UUID(int=1))}
    somebody: list[dict[str, Any]] = [{}, member, {"profile": {}}]
    for who in somebody:
        Simulation.model_validate({"event": EVENT} | who)
    with pytest.raises(ValidationError, match="give a member_id or a profile, not both"):
        Simulation.model_validate({"event": EVENT} | member | {"profile": {}})
