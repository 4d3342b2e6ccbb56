"""The demo does not touch a stack that is not its own."""

from pathlib import Path

import pytest

from deploy.demo.errors import StackInUseError
from deploy.demo.hold import Hold
from deploy.local.state import State


async def test_a_stack_that_is_up_is_left_alone(tmp_path: Path) -> None:
    said: list[str] = []
    with State(tmp_path).locked(), pytest.raises(StackInUseError, match="regulars down"):
        await Hold(tmp_path).start(said.append)
    assert said == []


async def test_stopping_what_is_not_up(tmp_path: Path) -> None:
    with State(tmp_path).locked():
        assert not await Hold(tmp_path).stop()
        assert State(tmp_path).holder() is not None
