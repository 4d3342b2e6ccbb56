"""The composition root of points: settings → parts → `python -m services.points [role]`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry

from services.points.api.adjustments import adjustments_router
from services.points.api.ledger import Books, ledger_router
from services.points.api.simulation import simulation_router
from services.points.domain.deciding import PointsDecider
from services.points.domain.machine import PointsMachine
from services.points.domain.program import PointsProgram, read_program
from services.points.domain.program import ProgramError as Refused
from services.points.domain.versions import Versions
from services.points.handlers.effects import SOURCE, PointsEffectWriter
from services.points.handlers.foresight import PointsForesight
from services.points.handlers.simulation import Simulator
from services.points.metrics import LedgerFigures
from services.points.settings import PointsSettings
from shared.events import topics
from shared.observability.metrics import Metrics
from shared.runtime.anew import Anew
from shared.runtime.batch import Input
from shared.runtime.commands.asking import Asking, CommandLog
from shared.runtime.commands.desk import Commands
from shared.runtime.consumers import ConsumerSpec
from shared.runtime.foresight import Foresight
from shared.runtime.http.dead_letters import dead_letters_router
from shared.runtime.http.program import program_router
from shared.runtime.program import Mistake, ProgramError, ProgramHistory, ProgramPart
from shared.runtime.program_file import read_part
from shared.runtime.service import Parts, Resources, Role, Service, main
from shared.runtime.timeline import TimelineHandler

CONSUMER: Final = "points"


def parse(document: Mapping[str, Any]) -> PointsProgram:
    """Check a document for the runtime.

    Raises:
        ProgramError: with every mistake.
    """
    try:
        return read_program(document)
    except Refused as error:
        raise ProgramError(
            [Mistake(each.pointer, each.message) for each in error.problems]
        ) from error


def assemble(resources: Resources[PointsSettings]) -> Parts:
    """Put the service together."""
    settings, database, clock = resources.settings, resources.database, resources.clock
    part = ProgramPart("points", parse, read_part(settings.program, "points"))
    history = ProgramHistory(part, clock)
    versions = Versions()
    machine = PointsMachine(versions)
    writer = PointsEffectWriter(history, versions, LedgerFigures(resources.metrics))
    unseen = LedgerFigures(Metrics("points", CollectorRegistry()))
    rehearsal = PointsEffectWriter(history, versions, unseen, rehearse=True)
    simulator = Simulator(database, machine, rehearsal, versions, clock, settings.partitions)

    async def prepare() -> None:
        async with database.transaction() as tx:
            await writer.prepare(tx)

    asking = Asking(
        database,
        resources.producer,
        clock,
        CommandLog("urn:regulars:points-api", settings.partitions),
        wait_seconds=settings.command_wait_seconds,
    )

    foresight = Foresight(
        history=ProgramHistory(part, clock),
        part=PointsForesight(),
        clock=clock,
        consumer=CONSUMER,
        partitions=settings.partitions,
        stream=settings.stream,
        by_time=False,
    )

    return Parts(
        routers=[
            ledger_router(
                Books(database, settings.partitions), clock, machine, versions, writer.prepare
            ),
            adjustments_router(asking),
            simulation_router(simulator, clock),
            program_router(part, database, clock, foresight),
            dead_letters_router(database, clock),
        ],
        roles={
            "serve": Role(tasks=[asking.run]),
            "consume": Role(
                consumers=[
                    ConsumerSpec(
                        name=CONSUMER,
                        inputs=(Input(topics.EVENTS), Input(topics.SEGMENTS)),
                        handler=TimelineHandler(
                            machine,
                            writer,
                            Commands(PointsDecider(versions), SOURCE),
                            Anew(history, by_time=False),
                        ),
                        source=SOURCE,
                        output=topics.POINTS,
                        stream=settings.stream,
                        commands=True,
                    )
                ]
            ),
            "schedule": Role(),
        },
        prepare=prepare,
    )


SERVICE = Service(
    name="points",
    title="Regulars: points",
    settings=PointsSettings,
    migrations=Path(__file__).parent / "migrations",
    assemble=assemble,
)

if __name__ == "__main__":
    main(SERVICE)
