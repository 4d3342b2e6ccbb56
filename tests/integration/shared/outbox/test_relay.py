"""The relay takes what is committed to Kafka, in order, once, whatever is away meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import pytest

from shared.backoff import rest
from shared.db import Database
from shared.outbox import DirectOutbox, Outgoing, Relay, append

pytestmark = pytest.mark.integration

IDLE = 1.0
BACKOFF = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 3.2, 3.2]


class Kafka:
    """Takes messages; `answers` says for one call after another whether it confirms (+ or -)."""

    def __init__(self, answers: str = "") -> None:
        self._answers = list(answers)
        self.calls: list[list[bytes]] = []
        self.during: Callable[[], Awaitable[None] | None] = lambda: None

    async def publish(self, messages: Sequence[Outgoing]) -> bool:
        self.calls.append([message.value for message in messages])
        work = self.during()
        if work is not None:
            await work
        return not self._answers or self._answers.pop(0) == "+"


class Board:
    """What the relay told of itself."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def relayed(self, messages: int, seconds: float) -> None:
        assert 0 <= seconds < 30
        self.told.append(f"relayed {messages}")

    def turned(self) -> None:
        self.told.append("turned")

    def trouble(self, reason: str | None) -> None:
        self.told.append("works" if reason is None else reason.split("(")[0])


class Waits:
    """The relay's waits: noted, and none of them lasts. After the last one it is told to stop."""

    def __init__(self, stop: asyncio.Event, count: int) -> None:
        self.seconds: list[float] = []
        self.until: list[asyncio.Event] = []
        self._stop = stop
        self._count = count

    async def __call__(self, until: asyncio.Event, seconds: float) -> None:
        self.until.append(until)
        self.seconds.append(seconds)
        if len(self.seconds) >= self._count:
            self._stop.set()


async def write(database: Database, *values: str, partition: int = 0) -> None:
    """One commit that says these things."""
    async with database.write_set() as tx:
        await append(tx, [Outgoing("out", partition, b"key", v.encode()) for v in values], 1)


async def left(database: Database) -> int:
    async with database.transaction() as tx:
        return int((await tx.fetch("SELECT coalesce(sum(count), 0) AS n FROM outbox"))[0]["n"])


async def relayed(
    database: Database, kafka: Kafka, *, waits: int = 1, board: Board | None = None
) -> tuple[Waits, asyncio.Event]:
    """Relay until so many waits are over."""
    stop = asyncio.Event()
    noted = Waits(stop, waits)
    async with asyncio.timeout(20):
        await Relay(database, kafka, board or Board(), rest=noted).run(stop)
    return noted, stop


async def until(asked: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it is so."""
    while not await asked():  # noqa: ASYNC110 - the doing of another session tells nobody
        await asyncio.sleep(0.01)


async def holders(database: Database) -> int:
    """How many sessions hold the relay's lock."""
    async with database.transaction() as tx:
        rows = await tx.fetch(
            "SELECT count(*) AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()"
        )
    return int(rows[0]["n"])


async def test_commits_are_published_in_their_order_and_then_removed(database: Database) -> None:
    await write(database, "a", "b")
    await write(database, "c")
    kafka, board = Kafka(), Board()
    waits, _ = await relayed(database, kafka, board=board)
    assert kafka.calls == [[b"a", b"b", b"c"]]
    assert await left(database) == 0
    assert waits.seconds == [IDLE]
    assert board.told == ["relayed 3", "works", "turned", "works"]
    assert await holders(database) == 0


async def test_a_long_outbox_is_emptied_without_a_pause(database: Database) -> None:
    values = [f"{number:02}" for number in range(40)]
    for value in values:
        await write(database, value)
    kafka = Kafka()
    waits, _ = await relayed(database, kafka)
    assert [len(call) for call in kafka.calls] == [16, 16, 8]
    assert [value.decode() for call in kafka.calls for value in call] == values
    assert await left(database) == 0
    assert waits.seconds == [IDLE]


async def test_a_full_portion_that_was_the_last_is_no_reason_to_go_on_without_a_pause(
    database: Database,
) -> None:
    for number in range(16):
        await write(database, str(number))
    kafka = Kafka()
    waits, _ = await relayed(database, kafka, waits=3)
    assert [len(call) for call in kafka.calls] == [16]
    assert waits.seconds == [IDLE, IDLE, IDLE]


async def test_what_is_committed_before_the_stop_still_goes_out(database: Database) -> None:
    for number in range(40):
        await write(database, str(number))
    stop = asyncio.Event()
    kafka = Kafka()
    kafka.during = stop.set
    waits = Waits(stop, 1)
    await Relay(database, kafka, Board(), rest=waits).run(stop)
    assert [len(call) for call in kafka.calls] == [16, 16, 8]
    assert await left(database) == 0
    assert waits.seconds == []


async def test_nothing_overtakes_what_kafka_did_not_confirm(database: Database) -> None:
    await write(database, "a")
    kafka, board = Kafka("--"), Board()

    async def meanwhile() -> None:
        await write(database, f"later{len(kafka.calls)}")

    kafka.during = meanwhile
    stop = asyncio.Event()
    waits = Waits(stop, 4)
    async with asyncio.timeout(20):
        await Relay(database, kafka, board, rest=waits).run(stop)
    assert kafka.calls[:3] == [[b"a"], [b"a", b"later1"], [b"a", b"later1", b"later2"]]
    assert waits.seconds == [0.1, 0.2, IDLE, IDLE]
    assert waits.until[0] is stop
    assert board.told[:5] == ["kafka does not confirm"] * 2 + ["relayed 3", "works", "turned"]


async def test_waits_for_kafka_grow_and_have_a_bound_and_a_stop_ends_them(
    database: Database,
) -> None:
    await write(database, "a")
    waits, stop = await relayed(database, Kafka("-" * 20), waits=8)
    assert waits.seconds == pytest.approx(BACKOFF)
    assert waits.until == [stop] * 8
    assert await left(database) == 1


async def test_a_full_portion_that_is_not_confirmed_does_not_keep_a_stop_waiting(
    database: Database,
) -> None:
    for number in range(20):
        await write(database, str(number))
    waits, _ = await relayed(database, Kafka("-" * 20), waits=3)
    assert len(waits.seconds) == 3
    assert await left(database) == 20


async def test_after_a_success_the_next_wait_is_short_again(database: Database) -> None:
    await write(database, "a")
    kafka = Kafka("--+-")

    async def meanwhile() -> None:
        if len(kafka.calls) == 3:
            await write(database, "b")

    kafka.during = meanwhile
    waits, _ = await relayed(database, kafka, waits=4)
    assert waits.seconds == [0.1, 0.2, IDLE, 0.1]


async def test_waits_for_the_database_grow_and_have_a_bound_and_a_stop_ends_them(
    unused_tcp_port: int,
) -> None:
    away = Database(
        f"postgresql://postgres@127.0.0.1:{unused_tcp_port}/none", application_name="test"
    )
    board = Board()
    waits, stop = await relayed(away, Kafka(), waits=8, board=board)
    assert waits.seconds == pytest.approx(BACKOFF)
    assert waits.until == [stop] * 8
    assert {word.partition(":")[0] for word in board.told} == {"database"}


async def test_a_session_that_breaks_is_opened_anew_and_nothing_is_lost(
    database: Database,
) -> None:
    await write(database, "a")
    kafka, board = Kafka(), Board()

    async def cut() -> None:
        if len(kafka.calls) == 1:
            async with database.transaction() as tx:
                await tx.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'relay' AND datname = current_database()"
                )

    kafka.during = cut
    waits, _ = await relayed(database, kafka, waits=2, board=board)
    assert kafka.calls == [[b"a"], [b"a"]]  # twice rather than never: consumers drop the second
    assert waits.seconds == [0.1, IDLE]
    assert await left(database) == 0
    assert [word.partition(":")[0] for word in board.told][:4] == [
        "relayed 1",
        "database",
        "relayed 1",
        "works",
    ]


async def test_a_database_that_answers_again_is_no_trouble_even_with_nothing_to_say(
    database: Database,
) -> None:
    board = Board()
    await relayed(database, Kafka(), board=board)
    assert board.told == ["works", "turned", "works"]


class Broken:
    async def publish(self, messages: Sequence[Outgoing]) -> bool:
        raise ValueError("a fault of ours")


async def test_a_fault_that_no_waiting_mends_ends_the_relay_and_gives_its_lock_back(
    database: Database,
) -> None:
    await write(database, "a")
    async with asyncio.timeout(10):
        with pytest.raises(ValueError, match="a fault of ours"):
            await Relay(database, Broken(), Board()).run(asyncio.Event())
    assert await left(database) == 1
    kafka = Kafka()
    await relayed(database, kafka)
    assert kafka.calls == [[b"a"]]


async def test_a_commit_wakes_it_at_once(database: Database) -> None:
    kafka, stop, asleep = Kafka(), asyncio.Event(), asyncio.Event()

    async def sleep_until_woken(until: asyncio.Event, seconds: float) -> None:
        asleep.set()
        await until.wait()

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(Relay(database, kafka, Board(), rest=sleep_until_woken).run(stop))
        for word in ("a", "b", "c"):
            await asleep.wait()
            asleep.clear()
            if word == "c":
                stop.set()
            await write(database, word)
    assert [value for call in kafka.calls for value in call] == [b"a", b"b", b"c"]


async def test_one_relay_of_a_service_works_and_another_waits_its_turn(
    database: Database,
) -> None:
    first, second = Kafka(), Kafka()
    stop_first, stop_second = asyncio.Event(), asyncio.Event()
    resting = asyncio.Event()

    async def wait(until: asyncio.Event, seconds: float) -> None:
        assert seconds == IDLE
        resting.set()
        await rest(until, 0.02)

    async def led() -> bool:
        return await holders(database) == 1

    async def emptied() -> bool:
        return await left(database) == 0

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        active = tasks.create_task(Relay(database, first, Board(), rest=wait).run(stop_first))
        await until(led)
        resting.clear()
        waiting = tasks.create_task(Relay(database, second, Board(), rest=wait).run(stop_second))
        await resting.wait()
        await write(database, "a")
        await until(emptied)
        assert (first.calls, second.calls) == ([[b"a"]], [])
        stop_first.set()
        await active
        await write(database, "b")
        await until(emptied)
        assert (first.calls, second.calls) == ([[b"a"]], [[b"b"]])
        stop_second.set()
        await waiting


async def test_one_that_waits_its_turn_stops_when_told_to(database: Database) -> None:
    holder = await asyncpg.connect(database.url)
    try:
        relay = Relay(database, Kafka(), Board())
        await holder.fetchval("SELECT pg_advisory_lock($1)", relay._lock_key)
        await write(database, "a")
        kafka = Kafka()
        waits, stop = await relayed(database, kafka, waits=2)
        assert waits.until == [stop, stop]
        assert kafka.calls == []
    finally:
        await holder.close()


async def test_rows_that_a_lane_publishes_by_itself_are_passed_over(database: Database) -> None:
    class Silent:
        async def confirmed(self, seconds: float) -> bool:
            return False

    class Mailbox:
        def post(self, messages: Sequence[Outgoing]) -> Silent:
            return Silent()

    lane = DirectOutbox("points-0", 0, Mailbox())
    async with database.write_set() as tx:
        plan = await lane.append(tx, [Outgoing("out", 0, b"key", b"own")], 1, direct=True)
    lane.committed(plan)
    await write(database, "a")
    kafka = Kafka()
    await relayed(database, kafka)
    assert kafka.calls == [[b"a"]]
    assert await left(database) == 1
