"""Progress on a terminal and in a log."""

import io

import pytest
from rich.console import Console

from deploy.demo.progress import Bars, Lines, display, lag
from shared.clock import DAY, HOUR, parse_instant

START = parse_instant("2017-01-01T00:00:00Z")
SPAN = (START, START + 10 * DAY)


def test_plain_lines_without_a_terminal() -> None:
    console = Console(file=io.StringIO())
    with display(console, 1000, SPAN, ("points",)) as shown:
        assert isinstance(shown, Lines)
        shown.published(500, START + 5 * DAY)
        shown.reached("points", START + 3 * DAY)
        shown.reached("notify", None)
    assert isinstance(console.file, io.StringIO)
    [line] = console.file.getvalue().splitlines()
    assert line.startswith("published 500 of 1,000")
    assert "until 2017-01-06; points 2.0 days behind; notify not started" in line


def test_bars_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with display(console, 1000, SPAN, ("points",)) as shown:
        assert isinstance(shown, Bars)
        shown.published(1000, START + 10 * DAY)
        shown.reached("points", START + 10 * DAY)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "2017-01-11" in text
    assert "up to date" in text
    assert "100 %" in text


@pytest.mark.parametrize(
    ("behind", "words"),
    [(0, "up to date"), (-DAY, "up to date"), (HOUR, "up to date"), (36 * HOUR, "1.5 days behind")],
)
def test_lag_in_days_of_the_stream(behind: int, words: str) -> None:
    assert lag(START, START + behind) == words
