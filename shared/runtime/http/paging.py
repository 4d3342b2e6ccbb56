"""Lists in pages: `{"items": […], "next": cursor or null}`.

A cursor says where the page ended, by the values that the list is sorted by. It is opaque to
callers, stays good while rows come and go, and costs the same on page 1 and page 10,000.

    @router.get("/v1/transfers") async def transfers(query: PageQuery) -> Page[Transfer]:
        after = query.after(tuple[int, str]) rows = await handlers.transfers(after=after,
        limit=query.limit + 1)      # one more: is there a next? return page(rows, query, lambda
        row: (row.event_at, row.id))
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Depends, Query
from pydantic import BaseModel, Field

from shared.runtime.http.problems import Problem

_Item = TypeVar("_Item")
_Key = TypeVar("_Key")

LIMIT_DEFAULT = 50
LIMIT_MOST = 500
_CURSOR_LENGTH_MOST = 1_024


class Page(BaseModel, Generic[_Item]):
    """One page of a list."""

    items: list[_Item]
    next: str | None = Field(
        description="pass it as `cursor` for the next page; null: the last one"
    )


def encode_cursor(key: object) -> str:
    """Make a cursor of the last row's sort key (JSON values and UUIDs)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, kind: type[_Key]) -> _Key:
    """Read a cursor back as the type that the list is sorted by.

    Raises:
        Problem: 400, this list did not make it.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Problem(400, "invalid-cursor", "this cursor is not one of this list's") from error


@dataclass(frozen=True, slots=True)
class PageQueryParameters:
    """How much of a list is wanted, and after what."""

    limit: int
    cursor: str | None

    def after(self, kind: type[_Key]) -> _Key | None:
        """The sort key of the last row the caller has seen; None: from the beginning.

        Raises:
            Problem: 400, the cursor is not one of this list's.
        """
        return None if self.cursor is None else decode_cursor(self.cursor, kind)


def _page_query(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MOST)] = LIMIT_DEFAULT,
    cursor: Annotated[
        str | None, Query(max_length=_CURSOR_LENGTH_MOST, description="`next` of the page before")
    ] = None,
) -> PageQueryParameters:
    return PageQueryParameters(limit, cursor)


PageQuery = Annotated[PageQueryParameters, Depends(_page_query)]


def page(
    rows: Sequence[_Item], query: PageQueryParameters, key: Callable[[_Item], object]
) -> Page[_Item]:
    """Make a page of up to `limit + 1` rows: the one more says that there is a next page."""
    items = list(rows[: query.limit])
    more = len(rows) > query.limit
    return Page(items=items, next=encode_cursor(key(items[-1])) if more else None)
