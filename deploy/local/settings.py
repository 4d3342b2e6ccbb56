"""Settings of the local stack: which servers of one's own to use instead of started ones."""

from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict


class StackSettings(BaseSettings):
    """Read from the environment, prefix `REGULARS_`; the services read the same names.

    Attributes:
        kafka: host:port of a Kafka that runs already.
        database_ingest: URL of a database that exists already; the other services alike.
        partitions: of all topics keyed by member.
        log: how the services write their lines.
        token_key: of the local issuer, where the services were given one.
        pii_key: of ingest, where it is not to be made here.
    """

    model_config = SettingsConfigDict(env_prefix="REGULARS_", extra="ignore")

    kafka: str | None = None
    database_ingest: str | None = None
    database_points: str | None = None
    database_segmentation: str | None = None
    database_notify: str | None = None
    partitions: int = 4
    log: Literal["json", "console"] = "console"
    token_key: str | None = None
    pii_key: str | None = None

    def database(self, service: str) -> str | None:
        """The URL given for a service."""
        url: str | None = getattr(self, f"database_{service}", None)
        return url
