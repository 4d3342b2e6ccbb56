"""The composition root of ingest: settings → parts → `python -m services.ingest [role]`."""

from functools import partial
from pathlib import Path

from services.ingest.api.events import EventLimits, EventsEndpoint
from services.ingest.domain.identify import Rules
from services.ingest.domain.names import parse_name
from services.ingest.domain.source import Source
from services.ingest.handlers.identifying import Identifier
from services.ingest.handlers.publishing import Admission, Policy, Publisher
from services.ingest.handlers.rejecting import RejectionLog
from services.ingest.handlers.source_book import SourceBook
from services.ingest.handlers.store_book import StoreBook
from services.ingest.metrics import IngestMetrics
from services.ingest.schedule import Housekeeping
from services.ingest.settings import IngestSettings
from services.ingest.store.identities import Identities
from services.ingest.store.sources import ensure_source, key_hash
from services.ingest.store.vault import Vault
from shared.clock import HOUR
from shared.runtime.http.dead_letters import dead_letters_router
from shared.runtime.service import Parts, Resources, Role, Service, main


def assemble(resources: Resources[IngestSettings]) -> Parts:
    """Put the service together."""
    settings, database, clock = resources.settings, resources.database, resources.clock
    metrics = IngestMetrics(resources.metrics.registry)
    vault = Vault(settings.pii_key.get_secret_value())
    identities = Identities(vault)
    sources, stores = SourceBook(database, clock), StoreBook(database, clock)
    rejections = RejectionLog(database, vault, clock, metrics, settings.rejected_kept_max)
    ahead_max = None if settings.stream else int(settings.ahead_hours_max * HOUR)
    admission = Admission(stores, ahead_max)
    identifier = Identifier(
        identities,
        rules=_rules(settings),
        partitions=settings.partitions,
        remembered=settings.names_remembered,
        personal_fields=settings.personal_fields,
        metrics=metrics,
    )
    publisher = Publisher(
        database=database,
        producer=resources.producer,
        clock=clock,
        admission=admission,
        identifier=identifier,
        rejections=rejections,
        metrics=metrics,
        policy=Policy(
            deadline_seconds=settings.request_seconds_max,
            duplicates_remembered=settings.duplicates_remembered,
        ),
    )
    housekeeping = Housekeeping(
        sources=sources,
        stores=stores,
        rejections=rejections,
        producer=resources.producer,
        health=resources.health,
        metrics=metrics,
    )

    async def prepare() -> None:
        key = settings.development_source_key
        if key is not None:
            async with database.transaction() as tx:
                hashed = key_hash(key.get_secret_value())
                await ensure_source(tx, Source("dev"), hashed, clock.now())
        await sources.refresh()
        await stores.keep_fresh()

    return Parts(
        routers=[dead_letters_router(database, clock)],
        roles={"serve": Role(tasks=[housekeeping.run])},
        prepare=prepare,
        wrap=partial(
            EventsEndpoint,
            sources=sources,
            publisher=publisher,
            limits=EventLimits(
                event_bytes_max=settings.event_bytes_max,
                batch_events_max=settings.batch_events_max,
                batch_bytes_max=settings.batch_bytes_max,
            ),
            metrics=resources.metrics,
        ),
    )


def _rules(settings: IngestSettings) -> Rules:
    return Rules(
        blocked=frozenset(parse_name(text) for text in settings.blocked_names),
        names_max=settings.names_max,
        names_max_default=settings.names_max_default,
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
