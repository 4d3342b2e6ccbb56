"""The small types that event data is made of, as msgspec reads them.

Each has its twin in `shared.events.models.scalars`; a property test holds the two equal.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

from shared.events.currencies import MEANT, MINOR_DIGITS
from shared.events.standards import nearest

AMOUNT_MAX: Final = 100_000_000_000
"""Money in minor units: a thousand million of a currency with two decimals. More is a mistake."""
COUNT_MAX: Final = 2**53 - 1
"""Beyond it JSON's readers do not agree on whole numbers."""
QUANTITY_MAX: Final = 1e9
IDENTIFIER_LENGTH_MAX: Final = 200
SOURCE_LENGTH_MAX: Final = 256
SUBJECT_LENGTH_MAX: Final = 320
TRACE_LENGTH_MAX: Final = 512
LABEL_LENGTH_MAX: Final = 256
TEXT_LENGTH_MAX: Final = 10_000
JSON_CONTENT_PATTERN: Final = "^[A-Za-z]+/([A-Za-z0-9._-]+[+])?[jJ][sS][oO][nN]"
CURRENCY_PATTERN: Final = "^[A-Z]{3}$"

ID: Final = {"text": "id"}
"""Marks text that is an id: no control characters."""

Identifier = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_LENGTH_MAX, extra=ID)]
Source = Annotated[str, Meta(min_length=1, max_length=SOURCE_LENGTH_MAX, extra=ID)]
Subject = Annotated[str, Meta(min_length=1, max_length=SUBJECT_LENGTH_MAX, extra=ID)]
Label = Annotated[str, Meta(max_length=LABEL_LENGTH_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]
Currency = Annotated[str, Meta(min_length=3, max_length=3)]
JsonContent = Annotated[str, Meta(max_length=128)]
Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
SignedAmount = Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]
Whole = Annotated[int, Meta(ge=-COUNT_MAX, le=COUNT_MAX)]
Quantity = Annotated[float, Meta(ge=0, le=QUANTITY_MAX)]
Score = float
Moment = Annotated[datetime, Meta(tz=True)]
Day = date
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_INT32: Final = range(-(2**31), 2**31)
_EXTENSION_NAME: Final = re.compile("[a-z0-9]+")
_JSON_CONTENT: Final = re.compile(JSON_CONTENT_PATTERN)


def check_reach(time: datetime) -> None:
    """Refuse times so far away that calendars and time zones overflow, or a clock would run off.

    Raises:
        ValueError: before 1900 or from 2200 on.
    """
    if not EARLIEST <= time < LATEST:
        raise ValueError("time should be from 1900 to 2199")


@lru_cache(maxsize=256)
def check_currency(code: str) -> None:
    """Refuse what is no currency (remembered: looking it up costs as much as a line).

    Raises:
        ValueError: no code of ISO 4217; names the nearest.
    """
    if code not in MINOR_DIGITS:
        near = MEANT.get(code.upper()) or nearest(code, MINOR_DIGITS)
        meant = f"; did you mean {near}?" if near else ""
        raise ValueError(
            f"unknown currency {code[:8]!r}: ISO 4217 has three capitals, as CNY{meant}"
        )


@lru_cache(maxsize=16)
def check_json_content(content_type: str) -> None:
    """Refuse data that is not JSON.

    Raises:
        ValueError: another media type.
    """
    if not _JSON_CONTENT.match(content_type):
        raise ValueError("datacontenttype should be application/json")


def check_extension(name: str, value: object) -> None:
    """Hold a further attribute to what CloudEvents allows.

    Raises:
        ValueError: a name or a value that no extension attribute may have.
    """
    if not _EXTENSION_NAME.fullmatch(name):
        raise ValueError(f"attribute {name[:64]!r}: names consist of a to z and 0 to 9")
    if not isinstance(value, str | int | bool | None):
        raise ValueError(  # noqa: TRY004 - pydantic words ValueError only
            f"attribute {name[:64]!r}: a text, a whole number or true/false"
        )
    if type(value) is int and value not in _INT32:
        raise ValueError(f"attribute {name[:64]!r}: whole numbers of CloudEvents have 32 bits")


def carried(trace: str | None) -> str | None:
    """A trace attribute that can be passed on; what cannot is dropped: no event is lost for it."""
    return trace if trace and len(trace) <= TRACE_LENGTH_MAX else None
