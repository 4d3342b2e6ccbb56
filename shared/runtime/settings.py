"""What every service is told from outside; each service's settings.py adds its own."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_PROGRAM = Path(__file__).parents[2] / "deploy" / "program.yaml"


class ServiceSettings(BaseSettings):
    """Settings from the environment, prefix `REGULARS_`.

    A service's subclass gives `database` and `port` their variables, as
    `REGULARS_DATABASE_POINTS` and `REGULARS_POINTS_PORT`.
    """

    model_config = SettingsConfigDict(env_prefix="REGULARS_", extra="ignore", populate_by_name=True)

    database: SecretStr = Field(description="postgresql://role:password@host:port/database")
    port: int = Field(description="where this process answers HTTP")
    host: str = Field("127.0.0.1", description="the address it listens on")
    kafka: str = Field(description="host:port[,host:port] of the brokers")
    kafka_idempotent: bool = Field(
        default=True, description="false for a broker without idempotent producers"
    )
    clock: Literal["wall", "stream"] = Field("wall", description="stream: a replay's own time")
    partitions: int = Field(4, ge=1, le=1024, description="of every member topic")
    batch_events: int = Field(1_500, ge=1, le=50_000, description="most events in a transaction")
    program: Path = Field(_PROGRAM, description="the document that version 1 is made of")
    instance: str | None = Field(None, description="name of this process in its consumer groups")
    token_key: SecretStr | None = Field(None, description="base64url key of the local issuer")
    token_jwks_url: str | None = Field(None, description="an identity provider's key set")
    token_issuer: str | None = Field(None, description="its `iss`")
    token_audience: str = Field("regulars", description="the `aud` that tokens must have")
    log: Literal["json", "console"] = Field("json", description="shape of the log lines")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @property
    def stream(self) -> bool:
        """Whether time is the stream's own."""
        return self.clock == "stream"
