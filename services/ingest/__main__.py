"""The composition root of ingest: settings → parts → `python -m services.ingest [role]`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.ingest.api.documents import documents_router, events_description
from services.ingest.api.events import EventLimits, EventsEndpoint
from services.ingest.api.members import members_router
from services.ingest.api.replay import replay_router
from services.ingest.api.sources import sources_router
from services.ingest.api.stores import stores_router
from services.ingest.consumer import CONSUMER, InboundHandler, SeenIds
from services.ingest.domain.identify import Rules
from services.ingest.domain.names import parse_name
from services.ingest.domain.source import Source
from services.ingest.handlers.added_facts import ORIGIN
from services.ingest.handlers.clock_advance import ClockHand
from services.ingest.handlers.identifying import Identifier
from services.ingest.handlers.linking import Linker
from services.ingest.handlers.naming import Naming
from services.ingest.handlers.order_index import CONSUMER as ORDERS
from services.ingest.handlers.order_index import OrderIndex
from services.ingest.handlers.publishing import Admission, Policy, Publisher
from services.ingest.handlers.rejecting import RejectionLog
from services.ingest.handlers.source_book import SourceBook
from services.ingest.handlers.source_registry import SourceRegistry
from services.ingest.handlers.store_book import StoreBook
from services.ingest.handlers.store_registry import StoreRegistry
from services.ingest.metrics import IngestMetrics
from services.ingest.schedule import Forgetting, Housekeeping
from services.ingest.settings import IngestSettings
from services.ingest.store.identities import Identities
from services.ingest.store.sources import ensure_source, key_hash
from services.ingest.store.vault import Vault
from shared.clock import HOUR
from shared.events import topics
from shared.events.meaning import Bounds
from shared.runtime.batch import Input
from shared.runtime.consumers import ConsumerSpec
from shared.runtime.http.dead_letters import dead_letters_router
from shared.runtime.server import ASGIApp
from shared.runtime.service import Parts, Resources, Role, Service, main

_Resources = Resources[IngestSettings]


@dataclass(frozen=True)
class _Office:
    """What requests, the consumer and the housekeeping share."""

    metrics: IngestMetrics
    vault: Vault
    identities: Identities
    rules: Rules
    sources: SourceBook
    stores: StoreBook
    admission: Admission
    identifier: Identifier
    naming: Naming
    rejections: RejectionLog


def assemble(resources: _Resources) -> Parts:
    """Put the service together."""
    settings, database, clock = resources.settings, resources.database, resources.clock
    office = _office(resources)
    housekeeping = Housekeeping(
        sources=office.sources,
        stores=office.stores,
        rejections=office.rejections,
        producer=resources.producer,
        health=resources.health,
        metrics=office.metrics,
    )
    linker = Linker(office.identities, office.rules, settings.partitions, clock, office.metrics)
    hand = ClockHand(resources.producer, settings.partitions, clock)
    return Parts(
        routers=[
            events_description(),
            documents_router(),
            members_router(database, office.identities, office.vault, linker),
            sources_router(SourceRegistry(database, clock, office.sources, office.vault)),
            stores_router(StoreRegistry(database, clock, office.stores)),
            replay_router(hand, settings.partitions, stream=settings.stream),
            dead_letters_router(database, clock),
        ],
        roles={
            "serve": Role(tasks=[housekeeping.run]),
            "consume": Role(consumers=[_inbound(resources, office), _orders(resources, office)]),
            "schedule": Role(tasks=[Forgetting(database, clock).run]),
        },
        prepare=partial(_prepare, resources, office),
        wrap=partial(_in_front, resources, office),
    )


def _office(resources: _Resources) -> _Office:
    settings, database, clock = resources.settings, resources.database, resources.clock
    metrics = IngestMetrics(resources.metrics.registry)
    vault = Vault(settings.pii_key.get_secret_value())
    identities = Identities(vault)
    stores = StoreBook(database, clock)
    rules = Rules(
        blocked=frozenset(parse_name(text) for text in settings.blocked_names),
        names_max=settings.names_max,
        names_max_default=settings.names_max_default,
    )
    identifier = Identifier(
        identities,
        rules=rules,
        partitions=settings.partitions,
        remembered=settings.names_remembered,
        personal_fields=settings.personal_fields,
        metrics=metrics,
    )
    return _Office(
        metrics=metrics,
        vault=vault,
        identities=identities,
        rules=rules,
        sources=SourceBook(database, clock),
        stores=stores,
        admission=Admission(
            stores, None if settings.stream else int(settings.ahead_hours_max * HOUR)
        ),
        identifier=identifier,
        naming=Naming(database, identifier),
        rejections=RejectionLog(database, vault, clock, metrics, settings.rejected_kept_max),
    )


def _inbound(resources: _Resources, office: _Office) -> ConsumerSpec:
    handler = InboundHandler(
        sources=office.sources,
        stores=office.stores,
        admission=office.admission,
        identifier=office.identifier,
        naming=office.naming,
        metrics=resources.metrics,
        bounds=_bounds(resources.settings),
        ids=SeenIds(resources.settings.duplicates_remembered, office.metrics),
    )
    return ConsumerSpec(
        name=CONSUMER,
        inputs=(Input(topics.INBOUND, decoded=False),),
        handler=handler,
        source=ORIGIN,
    )


def _orders(resources: _Resources, office: _Office) -> ConsumerSpec:
    """The log that we write ourselves, read once more behind the requests."""
    return ConsumerSpec(
        name=ORDERS,
        inputs=(Input(topics.EVENTS),),
        handler=OrderIndex(office.metrics, stream=resources.settings.stream),
        source=ORIGIN,
    )


def _bounds(settings: IngestSettings) -> Bounds:
    return Bounds(
        event_bytes_max=settings.event_bytes_max,
        amount_max=settings.amount_max,
        channels=settings.channels,
    )


async def _prepare(resources: _Resources, office: _Office) -> None:
    """Have the development source, where one is asked for, and read the books."""
    key = resources.settings.development_source_key
    if key is not None:
        async with resources.database.transaction() as tx:
            hashed = key_hash(key.get_secret_value())
            await ensure_source(tx, Source("dev"), hashed, resources.clock.now())
    await office.sources.refresh()
    await office.stores.keep_fresh()


def _in_front(resources: _Resources, office: _Office, app: ASGIApp) -> ASGIApp:
    """Put `POST /v1/events` before the framework."""
    settings = resources.settings
    publisher = Publisher(
        producer=resources.producer,
        clock=resources.clock,
        admission=office.admission,
        identifier=office.identifier,
        naming=office.naming,
        rejections=office.rejections,
        metrics=office.metrics,
        policy=Policy(
            deadline_seconds=settings.request_seconds_max,
            duplicates_remembered=settings.duplicates_remembered,
        ),
    )
    limits = EventLimits(
        bounds=_bounds(settings),
        batch_events_max=settings.batch_events_max,
        batch_bytes_max=settings.batch_bytes_max,
    )
    return EventsEndpoint(
        app,
        sources=office.sources,
        publisher=publisher,
        limits=limits,
        metrics=resources.metrics,
    )


SERVICE = Service(
    name="ingest",
    title="Regulars: ingest",
    settings=IngestSettings,
    migrations=Path(__file__).parent / "migrations",
    assemble=assemble,
)

if __name__ == "__main__":
    main(SERVICE)
