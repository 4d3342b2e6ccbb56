"""Where the tests find servers that run already; empty means that they start their own."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class TestServers(BaseSettings):
    """`REGULARS_TEST_POSTGRES` (a superuser's URL) and `REGULARS_TEST_KAFKA` (host:port)."""

    __test__ = False  # not a test class, whatever its name says
    model_config = SettingsConfigDict(env_prefix="REGULARS_TEST_", extra="ignore")

    postgres: str | None = None
    kafka: str | None = None
    seed: int | None = None
    """Repeats a test that draws its troubles by chance; it prints the seed that it used."""
