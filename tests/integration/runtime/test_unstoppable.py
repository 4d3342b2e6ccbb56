"""Nothing that lies on a topic stops a lane: what cannot be processed is set aside."""

import asyncio
import subprocess
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import Producer as LibrdKafka

from shared.clock import HOUR, ManualClock, parse_instant
from tests.debian import program
from tests.integration.runtime.chain import Chain, purchase
from tests.integration.runtime.test_lanes import NewChain

pytestmark = [pytest.mark.integration, pytest.mark.durable]

START = parse_instant("2024-02-28T09:00:00Z")
ANN = UUID(int=1)


def produce(
    chain: Chain,
    records: Sequence[tuple[bytes | None, list[tuple[str, str | bytes | None]]]],
    settings: dict[str, Any] | None = None,
) -> None:
    """Put records on the topic of facts, by the other client."""
    client = LibrdKafka({"bootstrap.servers": chain.bootstrap, **(settings or {})})
    for value, headers in records:
        client.produce(chain.events, value, key=str(ANN).encode(), partition=0, headers=headers)
    assert client.flush(20) == 0


def good(number: int) -> bytes:
    return purchase(ANN, number, START + number * HOUR)


async def bought(chain: Chain) -> list[object]:
    return [total for _, what, _, total in await chain.notes() if what == "bought"]


async def until_bought(chain: Chain, count: int) -> None:
    await chain.until("SELECT count(*)::int FROM noted WHERE what = 'bought'", count)


async def test_garbage_is_set_aside_and_the_next_good_event_counts(new_chain: NewChain) -> None:
    chain = await new_chain(clock=ManualClock(START + 40 * HOUR))
    garbage: list[tuple[bytes | None, list[tuple[str, str | bytes | None]]]] = [
        (None, []),
        (b"", []),
        (b"\x00\xff" * 40, [("trace", None)]),
        (good(2)[:-40], [("ce_id", None)]),
        (b"{}", [("a\0b", b"\0"), ("empty", None)]),
        (b"[" * 20_000, []),
        (b'{"specversion":"1.0"}', [("ce_specversion", b"1.0"), ("ce_id", b"\xff")]),
        (good(3).replace(b'"total":3', b'"total":1e400'), []),
        (good(4).replace(b'"total":4', b'"total":99999999999999999999'), []),
    ]
    async with chain.running():
        produce(chain, [*garbage, (good(1), [("unrelated", None)])])
        await until_bought(chain, 1)
    letters = await chain.fetch(
        "SELECT topic, partition, position, raw IS NULL, error FROM dead_letters ORDER BY position"
    )
    assert len(letters) == len(garbage)
    assert [letter[2] for letter in letters] == list(range(len(garbage)))
    assert all(letter[4] for letter in letters)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_is_read(new_chain: NewChain, codec: str) -> None:
    chain = await new_chain(clock=ManualClock(START + 40 * HOUR))
    async with chain.running():
        produce(chain, [(good(n), []) for n in range(1, 4)], {"compression.type": codec})
        await until_bought(chain, 3)


async def test_what_was_aborted_never_was_and_a_mark_is_no_backlog(new_chain: NewChain) -> None:
    chain = await new_chain(clock=ManualClock(START + 40 * HOUR))
    client = LibrdKafka({"bootstrap.servers": chain.bootstrap, "transactional.id": chain.group})
    client.init_transactions(20)
    async with chain.running():
        for number, commit in ((1, False), (2, True)):
            client.begin_transaction()
            client.produce(chain.events, good(number), key=str(ANN).encode(), partition=0)
            client.flush(20)
            if commit:
                client.commit_transaction(20)
            else:
                client.abort_transaction(20)
        await until_bought(chain, 1)
        # two events and two marks: the position comes to stand behind all of them
        await chain.until(
            "SELECT position::int FROM positions WHERE topic = $1 AND partition = 0",
            4,
            chain.events,
        )
    assert await bought(chain) == [2]


async def test_a_header_name_that_is_no_utf8_costs_nothing(new_chain: NewChain) -> None:
    chain = await new_chain(clock=ManualClock(START + 40 * HOUR))
    kcat = program("kcat", "kcat", "librdkafka1", "libserdes1", "libavro1", "libyajl2")
    async with chain.running():
        command = (kcat, "-P", "-b", chain.bootstrap, "-t", chain.events, "-p", "0")
        named = (*command, "-k", str(ANN), "-H", b"caf\xe9=x")
        await asyncio.to_thread(subprocess.run, named, input=good(1), check=True, timeout=20)
        produce(chain, [(good(2), [])])
        await until_bought(chain, 2)
