"""What points is told from outside, beside what every service is told."""

from shared.runtime.settings import DatabaseUrl, Port, ServiceSettings, database_field, port_field


class PointsSettings(ServiceSettings):
    """Settings from the environment, prefix `REGULARS_`."""

    database: DatabaseUrl = database_field("points")
    port: Port = port_field("points", 8002)
