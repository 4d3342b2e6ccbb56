"""A connection that breaks, on the event loop that the services run on."""

import asyncio
import socket
import struct

import pytest
import uvloop
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

import shared.kafka  # noqa: F401 - mends the client library
from tests.conftest import KafkaServer

pytestmark = pytest.mark.integration

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def _sent_while_breaking(host: str, port: int) -> BaseException | None:
    """Send on a connection just reset, before the client has heard of it; answers what is said."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait(writer)
        kafka_reader, kafka_writer = await asyncio.open_connection(host, port)
        kafka_writer.write(await reader.read(65_536))  # the client asks for versions, and no more
        writer.write(await kafka_reader.read(65_536))
        kafka_writer.close()

    async with await asyncio.start_server(pass_on, "127.0.0.1", 0) as server:
        connection = await create_conn(*server.sockets[0].getsockname())
        protocol = connection._protocol  # the moment can be met nowhere else
        lost, said = protocol.connection_lost, loop.create_future()

        def send() -> None:
            try:
                connection.send(MetadataRequest([])).close()
            except Exception as error:  # noqa: BLE001 - it is what the test is about
                said.set_result(error)
            else:
                said.set_result(None)

        def connection_lost(error: Exception | None) -> None:
            lost(error)
            loop.call_soon(send)

        protocol.connection_lost = connection_lost
        writer = await accepted.get()
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
        )
        writer.transport.abort()
        async with asyncio.timeout(10):
            told: BaseException | None = await said
            return told


def test_a_connection_that_breaks_is_said_in_the_way_that_the_client_expects(
    kafka_server: KafkaServer,
) -> None:
    """Anything else ends the client's background tasks, and it stands still without a word."""
    host, _, port = kafka_server.address.rpartition(":")
    said = uvloop.run(_sent_while_breaking(host, int(port)))
    assert isinstance(said, KafkaConnectionError)
    assert "broken" in str(said)
