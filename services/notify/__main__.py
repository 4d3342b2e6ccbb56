"""The composition root of notify: settings → parts → `python -m services.notify [role]`."""

from pathlib import Path
from typing import Final

from services.notify.api.journeys import journeys_router
from services.notify.api.messages import messages_router
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Destination, Program, Programs
from services.notify.handlers.controls import ControlBook, Waking
from services.notify.handlers.delivery import SOURCE as DELIVERY_SOURCE
from services.notify.handlers.delivery import Dispatcher, Office
from services.notify.handlers.delivery_intake import DeliveryIntake
from services.notify.handlers.effects import SOURCE, NotifyEffectWriter
from services.notify.handlers.foresight import NotifyForesight
from services.notify.handlers.messages import Messages
from services.notify.handlers.program import program_part
from services.notify.metrics import NotifyMetrics
from services.notify.senders import Sender
from services.notify.senders.console import ConsoleSender
from services.notify.senders.unconfigured import UnconfiguredSender
from services.notify.senders.webhook import WebhookSender
from services.notify.settings import NotifySettings
from shared.clock import Clock
from shared.events import topics
from shared.runtime.anew import Anew
from shared.runtime.batch import Input
from shared.runtime.consumers import ConsumerSpec
from shared.runtime.foresight import Foresight
from shared.runtime.http.dead_letters import dead_letters_router
from shared.runtime.http.program import program_router
from shared.runtime.program import BEGINNING, ProgramHistory, ProgramPart
from shared.runtime.program_file import read_part
from shared.runtime.service import Parts, Resources, Role, Service, main
from shared.runtime.timeline import TimelineHandler

CONSUMER: Final = "notify"


def assemble(resources: Resources[NotifySettings]) -> Parts:
    """Put the service together; under the stream clock it decides, and speaks to nobody."""
    settings, database, clock = resources.settings, resources.database, resources.clock
    part = program_part(read_part(settings.program, "notify"))
    metrics = NotifyMetrics(resources.metrics.registry)
    reading = Messages(database, ProgramHistory(part, clock), settings.partitions)

    async def prepare() -> None:
        async with database.transaction() as tx:
            await ProgramHistory(part, clock).refresh(tx)  # installs the default

    foresight = Foresight(
        history=ProgramHistory(part, clock),
        part=NotifyForesight(reading.book),
        clock=clock,
        consumer=CONSUMER,
        partitions=settings.partitions,
        stream=settings.stream,
        by_time=True,
        prepare=reading.book.refresh,
    )
    roles = {"consume": _consume(resources, part, metrics), "schedule": Role()}
    if not settings.stream:
        roles["deliver"] = _deliver(resources, part, metrics)
    return Parts(
        routers=[
            messages_router(reading, clock, settings.partitions),
            journeys_router(reading, clock),
            program_router(part, database, clock, foresight),
            dead_letters_router(database, clock),
        ],
        roles=roles,
        prepare=prepare,
    )


def _consume(
    resources: Resources[NotifySettings], part: ProgramPart[Program], metrics: NotifyMetrics
) -> Role:
    """Facts, tags, tiers and receipts in; decisions about messages out."""
    # each batch begins with the versions in the database; until then, the default
    machine = NotifyMachine(Programs([(BEGINNING, 1, part.parse(part.default))]))
    history, book = ProgramHistory(part, resources.clock), ControlBook()
    spec = ConsumerSpec(
        name=CONSUMER,
        inputs=(
            Input(topics.EVENTS),
            Input(topics.SEGMENTS),
            Input(topics.RECEIPTS, waited=False),
        ),
        handler=TimelineHandler(
            machine,
            NotifyEffectWriter(machine, history, metrics, book),
            anew=Anew(history, by_time=True, waking=Waking(book)),
        ),
        source=SOURCE,
        output=topics.JOBS,
        stream=resources.settings.stream,
    )
    return Role(consumers=[spec])


def _deliver(
    resources: Resources[NotifySettings], part: ProgramPart[Program], metrics: NotifyMetrics
) -> Role:
    """Requested jobs in, messages out to the world."""
    settings, clock = resources.settings, resources.clock
    secrets = {name: secret.get_secret_value() for name, secret in settings.webhook_secrets.items()}
    office = Office(
        database=resources.database,
        clock=clock,
        history=ProgramHistory(part, clock),
        metrics=metrics,
        partitions=settings.partitions,
        make_sender=lambda destination: make_sender(destination, secrets, clock),
    )
    spec = ConsumerSpec(
        name="notify-deliver",
        inputs=(Input(topics.JOBS),),
        handler=DeliveryIntake(),
        source=DELIVERY_SOURCE,
    )
    return Role(consumers=[spec], tasks=[Dispatcher(office).run])


def make_sender(destination: Destination, secrets: dict[str, str], clock: Clock) -> Sender:
    """The sender of a destination; one whose secrets are missing speaks to nobody and says so."""
    if destination.sender == "console":
        return ConsoleSender()
    missing = [name for name in destination.secrets if name not in secrets]
    if missing or destination.url is None:
        return UnconfiguredSender(f"{destination.name} needs {', '.join(missing) or 'a url'}")
    return WebhookSender(
        destination.url,
        [secrets[name] for name in destination.secrets],
        timeout_seconds=destination.timeout_seconds,
        clock=clock,
    )


SERVICE = Service(
    name="notify",
    title="Regulars: notify",
    settings=NotifySettings,
    migrations=Path(__file__).parent / "migrations",
    assemble=assemble,
    more_roles=("deliver",),
)

if __name__ == "__main__":
    main(SERVICE)
