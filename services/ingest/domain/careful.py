"""Reading an event with care: everything that is wrong with it is found, and where.

Texts are put into their one form and names into their one spelling, data in base64 is unpacked,
names that stand twice are refused. What then is an event is taken.
"""

import base64
import binascii
from typing import Any, Final

from msgspec import Raw, json

from services.ingest.domain.candidate import Candidate
from services.ingest.domain.refusal import Refusal, invalid, wrong_field
from shared.events import types
from shared.events.edge import (
    DECODE_ERRORS,
    InboundEnvelope,
    Problem,
    UnknownTypeError,
    decoder_for,
    explain_refusal,
    read_extended,
)
from shared.events.meaning import Bounds, names_in_order, wrong_in
from shared.events.registry import STRUCTS
from shared.events.tidy import Kind, Plan, plan_of, put_in_order
from shared.events.tree import Wrong, pointer_of, read_tree, write_tree

_TOLD_LENGTH_MAX: Final = 200
_TREE_ERRORS: Final = (ValueError, RecursionError)
_WITH_NAMES: Final = frozenset(
    {types.MEMBER_JOINED, types.MEMBER_PROFILE_UPDATED, types.PURCHASE_COMPLETED}
)
_PLANS: Final = {name: plan_of(STRUCTS[name]) for name in types.INBOUND}
_ATTRIBUTES: Final = frozenset(InboundEnvelope.__struct_fields__)
_IDS: Final = {"id": Kind.ID, "source": Kind.ID, "subject": Kind.ID, "type": Kind.ID}
_members: Final = json.Decoder(dict[str, Raw])
_words: Final = json.Decoder(str)


def kept(event_type: str, facts: Any) -> tuple[Any, str | None]:
    """What a candidate keeps: the facts, only where they are not plain, and the store."""
    return None if _is_plain(event_type, facts) else facts, getattr(facts, "store_id", None)


def _is_plain(event_type: str, facts: Any) -> bool:
    """Whether the data can go on the log as it is: no names of members, nothing personal."""
    if event_type not in _WITH_NAMES:
        return True
    if event_type == types.PURCHASE_COMPLETED:
        return facts.attribution is None or facts.attribution.referrer is None
    if event_type == types.MEMBER_PROFILE_UPDATED:
        return False
    return facts.profile is None and facts.identities is None and facts.referrer is None


def told_by(raw: bytes) -> tuple[str | None, str | None]:
    """The id and type that stand in a document, as far as they can be read."""
    try:
        members = _members.decode(raw)
    except DECODE_ERRORS:
        return None, None
    return _told(members, "id"), _told(members, "type")


def _told(members: dict[str, Raw], name: str) -> str | None:
    try:
        return _words.decode(members[name])[:_TOLD_LENGTH_MAX]
    except (KeyError, *DECODE_ERRORS):
        return None


def read_with_care(raw: bytes, bounds: Bounds) -> Candidate:
    """Read one event in structured mode."""
    try:
        tree, wrong = read_tree(raw)
        tree, more = _in_order(tree)
    except _TREE_ERRORS:
        return _refused(raw, _explained(raw))
    if wrong or more:
        return _refused(raw, invalid(_all_wrong(tree, [*wrong, *more])))
    return _read(write_tree(tree), raw, bounds)


def _all_wrong(tree: Any, wrong: list[Wrong]) -> list[Problem]:
    """What is wrong with the text of an event, and what besides is wrong with its fields."""
    problems = [Problem(pointer=pointer_of(each.path), reason=each.reason) for each in wrong]
    told = {each.pointer for each in problems}
    if "/data_base64" in told:
        told.add("/data")  # that it is missing is not said once more
    try:
        besides = explain_refusal(write_tree(tree))
    except UnicodeEncodeError:  # half a surrogate pair: it cannot be written to be asked about
        return problems
    return problems + [each for each in besides if each.pointer and each.pointer not in told]


def _read(ordered: bytes, raw: bytes, bounds: Bounds) -> Candidate:
    try:
        envelope, extensions = read_extended(ordered)
        facts = decoder_for(envelope.type).decode(envelope.data)
    except (*DECODE_ERRORS, UnknownTypeError):
        return _refused(raw, _explained(ordered))
    problems = wrong_in(envelope.type, facts, bounds)
    if problems:
        return _refused(raw, invalid(problems))
    candidate = Candidate(
        envelope, envelope.data, *kept(envelope.type, facts), extensions or None, raw
    )
    candidate.digest = hash((json.encode(facts), envelope.type, envelope.subject, envelope.time))
    return candidate


def _refused(raw: bytes, refusal: Refusal) -> Candidate:
    event_id, event_type = told_by(raw)
    return Candidate(raw=raw, refusal=refusal, told_id=event_id, told_type=event_type)


def _explained(raw: bytes) -> Refusal:
    problems = explain_refusal(raw)
    if not problems:
        return wrong_field("", "this event cannot be read")
    return invalid(problems)


def _in_order(tree: Any) -> tuple[Any, list[Wrong]]:
    """An event with its texts, names and data in their one form."""
    if not isinstance(tree, dict):
        return tree, []
    tree = {name: value for name, value in tree.items() if name in _ATTRIBUTES or value is not None}
    wrong = _unpack(tree)
    about = _PLANS.get(str(tree.get("type")).strip(), Kind.ANYTHING)
    plan: Plan = dict.fromkeys(tree, Kind.TEXT) | _IDS | {"data": about}
    tree, more = put_in_order(tree, plan)
    if "data" in tree:
        tree["data"] = names_in_order(tree["data"])
    return tree, wrong + more


def _unpack(tree: dict[str, Any]) -> list[Wrong]:
    """Put the data that came as base64 in its place."""
    if "data_base64" not in tree:
        return []
    packed = tree.pop("data_base64")
    here = ("data_base64",)
    if "data" in tree:
        return [Wrong(here, "either data or data_base64, not both")]
    try:
        tree["data"], wrong = read_tree(base64.b64decode(packed, validate=True))
    except (TypeError, binascii.Error):
        return [Wrong(here, "this should be a text in base64")]
    except _TREE_ERRORS as error:
        return [Wrong(here, f"what stands here in base64 should be JSON: {error}")]
    return [Wrong(("data", *each.path), each.reason) for each in wrong]
