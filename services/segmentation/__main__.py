"""The composition root: settings → parts → `python -m services.segmentation [role]`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.segmentation.api.members import audiences_router, members_router
from services.segmentation.domain.history import BEGINNING
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.program import ProgramError as Refused
from services.segmentation.domain.program import SegmentationProgram, read_program
from services.segmentation.domain.rules import Versions, compile_program
from services.segmentation.handlers.effects import SOURCE, SegmentationEffectWriter
from services.segmentation.handlers.foresight import SegmentationForesight
from services.segmentation.handlers.members import CONSUMER, Reader
from services.segmentation.metrics import SegmentationFigures
from services.segmentation.settings import SegmentationSettings
from shared.events import topics
from shared.runtime.anew import Anew
from shared.runtime.batch import Input
from shared.runtime.consumers import ConsumerSpec
from shared.runtime.foresight import Foresight
from shared.runtime.http.dead_letters import dead_letters_router
from shared.runtime.http.program import program_router
from shared.runtime.program import Mistake, ProgramError, ProgramHistory, ProgramPart
from shared.runtime.program_file import read_part
from shared.runtime.service import Parts, Resources, Role, Service, main
from shared.runtime.timeline import TimelineHandler


def parse(document: Mapping[str, Any]) -> SegmentationProgram:
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


def assemble(resources: Resources[SegmentationSettings]) -> Parts:
    """Put the service together."""
    settings, database, clock = resources.settings, resources.database, resources.clock
    document = read_part(settings.program, "segmentation")
    part = ProgramPart("segmentation", parse, document)
    default = compile_program(parse(document), version=0, effective_from=BEGINNING)
    machine = SegmentationMachine(Versions([default]))
    history = ProgramHistory(part, clock)
    writer = SegmentationEffectWriter(history, machine, SegmentationFigures(resources.metrics))
    reader = Reader(
        database,
        machine,
        clock,
        writer.prepare,
        partitions=settings.partitions,
        stream=settings.stream,
    )

    foresight = Foresight(
        history=ProgramHistory(part, clock),
        part=SegmentationForesight(),
        clock=clock,
        consumer=CONSUMER,
        partitions=settings.partitions,
        stream=settings.stream,
        by_time=True,
    )

    async def prepare() -> None:
        async with database.transaction() as tx:
            await writer.prepare(tx)

    return Parts(
        routers=[
            members_router(reader),
            audiences_router(reader),
            program_router(part, database, clock, foresight),
            dead_letters_router(database, clock),
        ],
        roles={
            "consume": Role(
                consumers=[
                    ConsumerSpec(
                        name=CONSUMER,
                        inputs=(Input(topics.EVENTS),),
                        handler=TimelineHandler(machine, writer, anew=Anew(history, by_time=True)),
                        source=SOURCE,
                        output=topics.SEGMENTS,
                        stream=settings.stream,
                    )
                ]
            ),
            "schedule": Role(),
        },
        prepare=prepare,
    )


SERVICE = Service(
    name="segmentation",
    title="Regulars: segmentation",
    settings=SegmentationSettings,
    migrations=Path(__file__).parent / "migrations",
    assemble=assemble,
)

if __name__ == "__main__":
    main(SERVICE)
