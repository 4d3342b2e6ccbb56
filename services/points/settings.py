"""What points is told from outside, beside what every service is told."""

from pydantic import Field, SecretStr

from shared.runtime.settings import ServiceSettings


class PointsSettings(ServiceSettings):
    """Settings from the environment, prefix `REGULARS_`."""

    database: SecretStr = Field(validation_alias="REGULARS_DATABASE_POINTS")
    port: int = Field(8002, validation_alias="REGULARS_POINTS_PORT")
