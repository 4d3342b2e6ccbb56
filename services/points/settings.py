"""What points is told from outside, beside what every service is told."""

from pydantic import Field

from shared.runtime.settings import DatabaseUrl, Port, ServiceSettings, database_field, port_field


class PointsSettings(ServiceSettings):
    """Settings from the environment, prefix `REGULARS_`."""

    database: DatabaseUrl = database_field("points")
    port: Port = port_field("points", 8002)
    command_wait_seconds: float = Field(
        3.0,
        gt=0,
        le=60,
        description="How long the API waits for a lane's verdict before it answers 202.",
    )
