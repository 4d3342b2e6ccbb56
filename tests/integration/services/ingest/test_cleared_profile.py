"""A profile that is cleared, from the edge to what every service knows of the member."""

import pytest

from shared.events import decode
from shared.orders import Dated, fold_history
from tests.integration.services.ingest.edge import Edge
from tests.integration.services.ingest.events import UPDATED, event
from tests.integration.services.ingest.test_answers import BATCH, items
from tests.property.services.notify.notify_history import MEMBER
from tests.property.services.notify.notify_history import machine as notify_machine
from tests.property.services.points.points_history import fold
from tests.property.services.points.points_history import machine_of as points_machine
from tests.property.services.segmentation.stories import machine_of as segmentation_machine

pytestmark = pytest.mark.integration


async def test_a_cleared_field_goes_through_to_every_service(edge: Edge) -> None:
    """Set, then cleared: what services remember of what stands on the log."""
    whole = {"birthday": "1990-03-07", "city": "Wuhan", "gender": "other", "interests": ["tea"]}
    zone = {"language": "zh", "time_zone": "PRC"}
    empty = dict.fromkeys(whole, None)
    for day, profile, attributes in ((1, whole, zone), (2, empty, dict.fromkeys(zone))):
        data = {"by": "member", "profile": profile, "attributes": attributes}
        sent = event(UPDATED, data, time=f"2017-01-0{day}T00:00:00Z")
        assert (await edge.publish(sent)).status_code == 202
        assert items(await edge.publish([sent], BATCH))[0]["status"] == "duplicate"
    told = [decode(value) for _, _, value in await edge.records()]
    facts = [each.data for each in told if each.type == UPDATED]
    assert [fact.profile.city for fact in facts] == ["Wuhan", None]
    assert fold(points_machine(), *told[:-1]).state.member.birthday_month == 3
    assert fold(points_machine(), *told).state.member.birthday_month == 0
    tags = segmentation_machine()
    dated = [Dated(e.at, e.key, f) for e in told if (f := tags.remember(e)) is not None]
    history = fold_history(tags, MEMBER, dated, told[-1].at).state.history
    assert (history.birthday_month, history.city, history.gender) == (None, None, None)
    assert history.interests == []
    letters = notify_machine()
    notes = [Dated(e.at, e.key, note) for e in told if (note := letters.remember(e)) is not None]
    state = fold_history(letters, MEMBER, notes, told[-1].at).state
    assert len(notes) == 2
    assert (state.language, state.time_zone) == (None, None)
