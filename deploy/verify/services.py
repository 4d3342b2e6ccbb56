"""What there is to verify of each service: its machine, its tables, its topics.

The parts are the services' own, put together as their composition roots do it, but for everything
that writes or speaks.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import CollectorRegistry

from deploy.local.services import ROOT
from services.notify.domain.facts import fact_of
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Programs
from services.notify.handlers.controls import ControlBook
from services.notify.handlers.effects import NotifyEffectWriter
from services.notify.handlers.program import program_part
from services.notify.handlers.verifying import NotifyAuditor
from services.notify.metrics import NotifyMetrics
from services.points.__main__ import parse as parse_points
from services.points.domain.machine import PointsMachine
from services.points.domain.versions import Versions as PointsVersions
from services.points.handlers.effects import PointsEffectWriter
from services.points.handlers.verifying import PointsAuditor, verify_ledger
from services.points.metrics import LedgerFigures
from services.segmentation.__main__ import parse as parse_segmentation
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.rules import Versions, compile_program
from services.segmentation.handlers.effects import SegmentationEffectWriter
from services.segmentation.handlers.members import CONSUMER
from services.segmentation.handlers.verifying import SegmentationAuditor
from services.segmentation.metrics import SegmentationFigures
from shared.clock import WallClock
from shared.db import Transaction
from shared.events import Event, topics
from shared.observability.metrics import Metrics
from shared.runtime.machine import Machine
from shared.runtime.program import BEGINNING, ProgramHistory, ProgramPart
from shared.runtime.program_file import Document, read_part
from shared.runtime.verifying.findings import Findings
from shared.runtime.verifying.histories import Auditor

Ledger = Callable[[Transaction, int, Findings], Awaitable[None]]


def _default(part: str) -> Document:
    """Never installed here: the versions in the database are what counts."""
    return read_part(ROOT / "deploy" / "program.yaml", part)


async def _no_ledger(tx: Transaction, partition: int, findings: Findings) -> None:
    """Nothing more than its members' histories."""


def _always(_: Event) -> bool:
    return True


@dataclass(frozen=True)
class Verifiable:
    """What there is to verify of a service.

    Attributes:
        consumer: its consumer's name in `positions`.
        topics: what it reads, the topic of facts first.
        machine: folds its histories.
        prepare: takes the versions of the program from its database.
        auditor: holds its tables against a history.
        ledger: what a partition must agree with as a whole.
        sure: whether it has kept such an event since ever (see `LogReader`).
    """

    consumer: str
    topics: tuple[str, ...]
    machine: Machine[Any, Any, Any]
    prepare: Callable[[Transaction], Awaitable[None]]
    auditor: Auditor[Any, Any, Any]
    ledger: Ledger = _no_ledger
    sure: Callable[[Event], bool] = _always


def points() -> Verifiable:
    """The ledger."""
    part = ProgramPart("points", parse_points, _default("points"))
    versions = PointsVersions()
    machine = PointsMachine(versions)
    figures = LedgerFigures(Metrics("points", CollectorRegistry()))
    writer = PointsEffectWriter(ProgramHistory(part, WallClock()), versions, figures)
    return Verifiable(
        consumer="points",
        topics=(topics.EVENTS, topics.SEGMENTS),
        machine=machine,
        prepare=writer.prepare,
        auditor=PointsAuditor(),
        ledger=verify_ledger,
    )


def segmentation() -> Verifiable:
    """Tags, tiers and features."""
    document = _default("segmentation")
    part = ProgramPart("segmentation", parse_segmentation, document)
    # replaced by the versions in the database before anything is folded
    first = compile_program(part.parse(document), version=0, effective_from=BEGINNING)
    machine = SegmentationMachine(Versions([first]))
    figures = SegmentationFigures(Metrics("segmentation", CollectorRegistry()))
    writer = SegmentationEffectWriter(ProgramHistory(part, WallClock()), machine, figures)
    return Verifiable(
        consumer=CONSUMER,
        topics=(topics.EVENTS,),
        machine=machine,
        prepare=writer.prepare,
        auditor=SegmentationAuditor(machine),
    )


def notify() -> Verifiable:
    """Messages."""
    part = program_part(_default("notify"))
    # replaced as above
    machine = NotifyMachine(Programs([(BEGINNING, 1, part.parse(part.default))]))
    history = ProgramHistory(part, WallClock())
    figures = NotifyMetrics(CollectorRegistry())
    writer = NotifyEffectWriter(machine, history, figures, ControlBook())

    def sure(event: Event) -> bool:
        """Later versions may listen to more, from then on."""
        begun, version, program = min(history.versions, key=lambda each: each.version)
        return fact_of(event, Programs([(begun, version, program)]).listens) is not None

    return Verifiable(
        consumer="notify",
        topics=(topics.EVENTS, topics.SEGMENTS, topics.RECEIPTS),
        machine=machine,
        prepare=writer.prepare,
        auditor=NotifyAuditor(machine),
        sure=sure,
    )


VERIFIABLE: Final[dict[str, Callable[[], Verifiable]]] = {
    "points": points,
    "segmentation": segmentation,
    "notify": notify,
}
"""How to put together what there is to verify, by service."""
