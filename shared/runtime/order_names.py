"""The revision that names orders in `facts`: the column `about`, filled from the facts themselves.

Facts are what services remember, as msgpack arrays behind a tag; which tags speak of an order, and
where its id stands, each service says.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from alembic import op

from shared.timers.timelines import about

_ROWS: Final = 5_000

_NAME: Final = sa.text(
    "UPDATE facts SET about = :a, body = :b"
    " WHERE partition = :p AND member_id = :m AND event_key = :k"
)

Rewrite = Callable[[list[Any]], list[Any]]


def name_orders(order_id_at: Mapping[int, int], rewrite: Rewrite | None = None) -> None:
    """Add the column and fill it.

    Args:
        order_id_at: by the tag of a fact, the place of the order's id in its array.
        rewrite: brings the array of a fact into the form of today, before that is looked up.
    """
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("facts", sa.Column("about", sa.LargeBinary()))
    connection = op.get_bind()
    for rows in in_chunks(connection, "facts", ("partition", "member_id", "event_key"), "body"):
        named = [row for each in rows if (row := _named(each, order_id_at, rewrite)) is not None]
        if named:
            connection.execute(_NAME, named)
    op.create_index(
        "facts_about",
        "facts",
        ["partition", "member_id", "about"],
        postgresql_where=sa.text("about IS NOT NULL"),
    )


def in_chunks(
    connection: sa.Connection, table: str, key: Sequence[str], column: str
) -> Iterator[Sequence[sa.Row[Any]]]:
    """A table's keys and one of its columns, some thousands of rows at a time, in order of key.

    No cursor stays open: the table can be changed afterwards.
    """
    columns = ", ".join(key)
    query = f"SELECT {columns}, {column} FROM {table}"  # noqa: S608 - our own names
    order = f" ORDER BY {columns} LIMIT {_ROWS}"
    after = f" WHERE ({columns}) > ({', '.join(f':k{i}' for i in range(len(key)))})"
    rows = connection.execute(sa.text(query + order)).all()
    while rows:
        yield rows
        last = {f"k{i}": rows[-1][i] for i in range(len(key))}
        rows = connection.execute(sa.text(query + after + order), last).all()


def _named(
    row: sa.Row[Any], order_id_at: Mapping[int, int], rewrite: Rewrite | None
) -> dict[str, Any] | None:
    partition, member_id, event_key, body = tuple(row)
    fact = msgspec.msgpack.decode(body)
    if rewrite is not None:
        fact = rewrite(fact)
        body = msgspec.msgpack.encode(fact)
    place = order_id_at.get(fact[0])
    if place is None:
        return None
    name = about(fact[place])
    return {"p": partition, "m": member_id, "k": event_key, "a": name, "b": body}


def unname_orders() -> None:
    """Take the column away again."""
    op.drop_index("facts_about", "facts")
    op.drop_column("facts", "about")


def fold_everybody_anew() -> None:
    """Empty the states: each is folded anew with the next event, or when its turn comes."""
    op.execute("UPDATE timelines SET state = '', due_at = 0")
