"""The small types that event data is made of, as msgspec reads them.

Each has its twin in `shared.events.models.scalars`; a property test holds the two equal.
"""

from datetime import date, datetime
from typing import Annotated, Final

from msgspec import Meta

INT64_MAX: Final = 2**63 - 1
IDENTIFIER_LENGTH_MAX: Final = 128
SUBJECT_LENGTH_MAX: Final = 256
LABEL_LENGTH_MAX: Final = 256
TEXT_LENGTH_MAX: Final = 10_000
CURRENCY_PATTERN: Final = "^[A-Z]{3}$"

Identifier = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_LENGTH_MAX)]
Subject = Annotated[str, Meta(min_length=1, max_length=SUBJECT_LENGTH_MAX)]
Label = Annotated[str, Meta(max_length=LABEL_LENGTH_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]
Currency = Annotated[str, Meta(pattern=CURRENCY_PATTERN, max_length=3)]
Amount = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Count = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Whole = Annotated[int, Meta(ge=-INT64_MAX, le=INT64_MAX)]
Quantity = Annotated[float, Meta(ge=0)]
Score = float
Moment = Annotated[datetime, Meta(tz=True)]
Day = date
