"""The small types that event data is made of, as pydantic reads them.

Each is the twin of the msgspec type of the same name in `shared.events.scalars`. Times and days are
parsed by msgspec here as well, since pydantic's strict mode would take epoch numbers in strings.
"""

import re
from datetime import date, datetime
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from shared.events import scalars

_LEAP_SECOND = re.compile(r":\d\d:60")


def _moment(value: object) -> datetime:
    try:
        return msgspec.convert(value, scalars.Moment)
    except msgspec.ValidationError as error:
        if isinstance(value, str) and _LEAP_SECOND.search(value):
            raise ValueError("a leap second (:60) is not taken: send :59 of that minute") from None
        raise ValueError(f"should be an RFC 3339 time with its offset from UTC ({error})") from None


def _day(value: object) -> date:
    try:
        return msgspec.convert(value, scalars.Day)
    except msgspec.ValidationError as error:
        raise ValueError(f"should be a day as YYYY-MM-DD ({error})") from None


def _currency(code: str) -> str:
    scalars.check_currency(code)
    return code


Identifier = Annotated[str, Field(min_length=1, max_length=scalars.IDENTIFIER_LENGTH_MAX)]
Source = Annotated[str, Field(min_length=1, max_length=scalars.SOURCE_LENGTH_MAX)]
Subject = Annotated[
    str,
    Field(
        min_length=1,
        max_length=scalars.SUBJECT_LENGTH_MAX,
        description="A name of a member in any way the source knows: `member:<uuid>`, `phone:+86…`,"
        " `wecom:<external_userid>`, `unionid:<id>`, `openid:<appid>:<id>`, `card:<number>`, "
        "`pos:<source member no>`, `email:<address>`",
        examples=["card:2375", "phone:+8613800000000"],
    ),
]
Label = Annotated[str, Field(max_length=scalars.LABEL_LENGTH_MAX)]
Text = Annotated[str, Field(max_length=scalars.TEXT_LENGTH_MAX)]
Currency = Annotated[
    str,
    Field(
        pattern=scalars.CURRENCY_PATTERN,
        max_length=3,
        description="ISO 4217, three capital letters",
        examples=["CNY"],
    ),
    AfterValidator(_currency),
]
Amount = Annotated[
    int, Field(ge=0, le=scalars.AMOUNT_MAX, description="Money in minor units (fen, cents)")
]
SignedAmount = Annotated[
    int,
    Field(
        ge=-scalars.AMOUNT_MAX,
        le=scalars.AMOUNT_MAX,
        description="Money in minor units, below zero for what is taken off",
    ),
]
Count = Annotated[int, Field(ge=0, le=scalars.COUNT_MAX)]
Whole = Annotated[int, Field(ge=-scalars.COUNT_MAX, le=scalars.COUNT_MAX)]
Quantity = Annotated[
    float,
    Field(
        ge=0,
        le=scalars.QUANTITY_MAX,
        description="Pieces or, for loose goods, a part of the unit (0.482 kg)",
    ),
]
Score = float
Moment = Annotated[
    datetime,
    PlainValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


class EventModel(BaseModel):
    """Strict, closed to wrong types, open to further fields (they are kept and passed on)."""

    model_config = ConfigDict(
        strict=True,
        extra="allow",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
