"""Where `regulars verify` looks: what is said, then the environment, then the stack."""

import pytest
import typer

from deploy.cli.verify import databases_of, kafka_of
from deploy.local.endpoints import Endpoints
from deploy.local.settings import StackSettings

NOTHING = StackSettings.model_construct()
STACK = Endpoints(
    kafka="stack:1",
    broker="kafka",
    services={},
    databases={"ingest": "postgresql://i/i", "points": "postgresql://p/p"},
    processes={},
    source_key="",
    token="",
)


def test_every_service_of_the_stack_is_looked_at_but_for_ingest() -> None:
    assert databases_of(None, None, NOTHING, STACK) == {"points": "postgresql://p/p"}
    assert kafka_of(None, NOTHING, STACK) == "stack:1"


def test_what_is_said_comes_first() -> None:
    given = ["notify=postgres://n/n", "points=postgresql://q/q"]
    assert databases_of(None, given, NOTHING, STACK) == {
        "notify": "postgres://n/n",
        "points": "postgresql://q/q",
    }
    assert databases_of(["points"], given, NOTHING, STACK) == {"points": "postgresql://q/q"}
    assert kafka_of("mine:2", NOTHING, STACK) == "mine:2"


def test_the_environment_comes_before_the_stack() -> None:
    settings = StackSettings.model_construct(database_points="postgresql://e/e", kafka="e:1")
    assert databases_of(["points"], None, settings, STACK) == {"points": "postgresql://e/e"}
    assert kafka_of(None, settings, STACK) == "e:1"


@pytest.mark.parametrize(
    ("services", "given", "why"),
    [
        (["notify"], None, "where is the database of notify"),
        (["ingest"], None, "ingest: there are points"),
        (None, ["points"], "SERVICE=URL"),
        (None, ["points=mysql://x/x"], "SERVICE=URL"),
        (None, ["billing=postgresql://x/x"], "billing: there are points"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_with_code_two(
    services: list[str] | None,
    given: list[str] | None,
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as refused:
        databases_of(services, given, NOTHING, STACK)
    assert refused.value.exit_code == 2
    assert why in capsys.readouterr().err


def test_without_a_stack_nothing_is_guessed() -> None:
    with pytest.raises(typer.Exit):
        databases_of(None, None, NOTHING, None)
    with pytest.raises(typer.Exit):
        kafka_of(None, NOTHING, None)
