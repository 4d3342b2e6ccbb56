"""What every service is told from outside; each service's settings.py adds its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.auth.errors import AuthNotConfigured
from shared.auth.key_sets import build_verifier
from shared.auth.tokens import Verifier
from shared.runtime.program_file import ProgramFileError, read_program

_PROGRAM = Path(__file__).parents[2] / "deploy" / "program.yaml"
_PORT_MAX = 65_535


def _database_url(value: SecretStr) -> SecretStr:
    """A PostgreSQL URL that names a server and a database.

    Raises:
        ValueError: it is none; its words do not repeat it, for a password is in it.
    """
    try:
        url = urlsplit(value.get_secret_value())
        parts = (url.scheme in ("postgresql", "postgres"), url.hostname, url.path.strip("/"))
        if all(parts) and url.port != 0:
            return value
    except ValueError:  # of the port; chaining it would repeat the URL
        pass
    raise ValueError("is no URL of a PostgreSQL database")


def _brokers(value: str) -> str:
    """Brokers as host:port, separated by commas.

    Raises:
        ValueError: one of them is not.
    """
    for each in value.split(","):
        host, _, port = each.strip().rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 0 < int(port) <= _PORT_MAX):
            raise ValueError("should be host:port, or several of them with commas between")
    return value


def _program(path: Path) -> Path:
    """A file that can be read as a program.

    Raises:
        ValueError: it cannot, and says where and why.
    """
    try:
        read_program(path)
    except ProgramFileError as error:
        raise ValueError(str(error)) from error
    return path


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Port = Annotated[int, Field(ge=1, le=_PORT_MAX)]


def database_field(service: str) -> Any:
    """The database of a service: `REGULARS_DATABASE_POINTS` and so on."""
    name = f"regulars_{service}"
    return Field(
        validation_alias=f"REGULARS_DATABASE_{service.upper()}",
        description=f"the database of {service}, with its role and password",
        examples=[f"postgresql://{name}:PASSWORD@127.0.0.1:5432/{name}"],
    )


def port_field(service: str, usual: int) -> Any:
    """The port of a service: `REGULARS_POINTS_PORT` and so on."""
    return Field(
        usual,
        validation_alias=f"REGULARS_{service.upper()}_PORT",
        description="where this process answers HTTP",
        examples=[str(usual)],
    )


class ServiceSettings(BaseSettings):
    """Settings from the environment, prefix `REGULARS_`; `environment.read_settings` reads them.

    A service's subclass gives `database` and `port` their variables, as
    `REGULARS_DATABASE_POINTS` and `REGULARS_POINTS_PORT`.
    """

    model_config = SettingsConfigDict(
        env_prefix="REGULARS_",
        env_ignore_empty=True,
        enable_decoding=False,  # by us, or the first text that is no JSON hides all other mistakes
        extra="ignore",
        populate_by_name=True,
    )

    database: DatabaseUrl
    port: Port
    host: str = Field("127.0.0.1", description="the address it listens on")
    kafka: Annotated[str, AfterValidator(_brokers)] = Field(
        description="host:port[,host:port] of the brokers", examples=["127.0.0.1:9092"]
    )
    kafka_idempotent: bool = Field(
        default=True, description="false for a broker without idempotent producers"
    )
    clock: Literal["wall", "stream"] = Field("wall", description="stream: a replay's own time")
    partitions: int = Field(4, ge=1, le=1024, description="of every member topic", examples=["4"])
    batch_events: int = Field(
        1_500, ge=1, le=50_000, description="most events in a transaction", examples=["1500"]
    )
    program: Annotated[Path, AfterValidator(_program)] = Field(
        _PROGRAM, description="the document that version 1 is made of"
    )
    instance: str | None = Field(None, description="name of this process in its consumer groups")
    token_jwks_url: str | None = Field(None, description="an identity provider's key set")
    token_issuer: str | None = Field(None, description="its `iss`")
    token_audience: str = Field("regulars", description="the `aud` that tokens must have")
    token_key: SecretStr | None = Field(
        None,
        validate_default=True,
        description="signs tokens of the local issuer; `make secrets` makes one",
        examples=["$(openssl rand -base64 32 | tr +/ -_)"],
    )
    log: Literal["json", "console"] = Field("json", description="shape of the log lines")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="from which level on lines are written"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _decoded(cls, value: object, info: ValidationInfo) -> object:
        """Lists and objects are JSON in the environment.

        Raises:
            ValueError: they are not.
        """
        kind = get_origin(cls.model_fields[str(info.field_name)].annotation)
        if not isinstance(value, str) or kind not in (list, dict, frozenset):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError("no JSON") from error

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("token_key")
    @classmethod
    def _believable(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Know whose tokens to believe (the fields it is about stand before it).

        Raises:
            ValueError: nobody's, or it is not clear whose.
        """
        try:
            _verifier(key, info.data)
        except AuthNotConfigured as error:
            raise ValueError(str(error)) from error
        return key

    @property
    def stream(self) -> bool:
        """Whether time is the stream's own."""
        return self.clock == "stream"

    def verifier(self) -> Verifier:
        """Whose tokens are believed."""
        return _verifier(self.token_key, dict(self))


def _verifier(key: SecretStr | None, others: Mapping[str, Any]) -> Verifier:
    return build_verifier(
        token_key=None if key is None else key.get_secret_value(),
        jwks=others.get("token_jwks_url"),
        issuer=others.get("token_issuer"),
        audience=others.get("token_audience"),
    )
