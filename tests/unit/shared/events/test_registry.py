"""Names, structs, models and topics belong together."""

import msgspec
import pytest

from shared.events import topics, types
from shared.events.models import MODELS
from shared.events.registry import STRUCTS

_NAMES = {value for name, value in vars(types).items() if name.isupper() and isinstance(value, str)}


def test_every_type_has_a_struct_and_a_model() -> None:
    assert set(STRUCTS) == set(MODELS) == _NAMES


@pytest.mark.parametrize("event_type", sorted(_NAMES))
def test_struct_and_model_have_the_same_fields(event_type: str) -> None:
    struct = msgspec.inspect.type_info(STRUCTS[event_type])
    assert isinstance(struct, msgspec.inspect.StructType)
    fields = {field.encode_name: field.required for field in struct.fields}
    model = {
        field.alias or name: field.is_required()
        for name, field in MODELS[event_type].model_fields.items()
    }
    assert fields == model
    assert STRUCTS[event_type].__name__ == MODELS[event_type].__name__


def test_every_type_but_the_clock_is_on_one_topic() -> None:
    for event_type in _NAMES - {types.CLOCK_ADVANCED}:
        assert event_type in topics.TYPES_ON[topics.topic_of(event_type)]
    with pytest.raises(KeyError):
        topics.topic_of(types.CLOCK_ADVANCED)


def test_reserved_names_are_not_published() -> None:
    assert not types.RESERVED & _NAMES


def test_inbound_carries_what_sources_may_publish() -> None:
    assert topics.TYPES_ON[topics.INBOUND] == types.INBOUND
    assert topics.TYPES_ON[topics.EVENTS] >= types.INBOUND
    assert types.INBOUND >= types.MEMBERLESS
