"""Settings of the local stack: which servers of one's own to use instead of started ones."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StackSettings(BaseSettings):
    """Read from the environment, prefix `REGULARS_`; the services read the same names."""

    model_config = SettingsConfigDict(env_prefix="REGULARS_", env_ignore_empty=True, extra="ignore")

    kafka: str | None = Field(None, description="host:port of a Kafka that runs already")
    database_ingest: str | None = Field(
        None, description="URL of a database that exists already; the other services alike"
    )
    database_points: str | None = None
    database_segmentation: str | None = None
    database_notify: str | None = None
    partitions: int = Field(
        1, ge=1, le=1024, description="of all topics keyed by member", examples=["4"]
    )
    log: Literal["json", "console"] = Field(
        "console", description="how the services write their lines"
    )
    token_key: str | None = Field(
        None, description="of the local issuer, where the services were given one"
    )
    pii_key: str | None = Field(None, description="of ingest, where it is not to be made here")

    def database(self, service: str) -> str | None:
        """The URL given for a service."""
        url: str | None = getattr(self, f"database_{service}", None)
        return url
