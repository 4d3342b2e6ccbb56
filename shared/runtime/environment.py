"""Reading settings from the environment: whatever is missing or wrong is said at once, in words.

One line a variable: its name, what is wrong, what it is for, an example. What a variable holds is
never repeated, for it may be a secret.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from pydantic import ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

_Settings = TypeVar("_Settings", bound=BaseSettings)

EXIT_CODE = 2
"""Of a process that was started wrongly, as command lines have it."""


class SettingsRefused(Exception):  # noqa: N818 - says what is the case
    """Settings that nothing can be started with.

    Attributes:
        lines: one for each variable.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        """Say them all."""
        count = f"{len(lines)} settings are" if len(lines) > 1 else "1 setting is"
        super().__init__("\n  ".join((f"{count} missing or wrong (docs/operating.md):", *lines)))
        self.lines = tuple(lines)


def read_settings(kind: type[_Settings]) -> _Settings:
    """Read settings of a kind from the environment.

    Raises:
        SettingsRefused: one or more are missing or wrong.
    """
    try:
        return kind()
    except ValidationError as error:
        found = [_line(kind, each) for each in error.errors(include_url=False, include_input=False)]
    raise SettingsRefused(found)


def read_some(kind: type[BaseSettings], *names: str) -> Any:
    """Read only these of the settings of a kind: for chores that need no more of them.

    Raises:
        SettingsRefused: one or more of them are missing or wrong.
    """
    fields: dict[str, Any] = {
        name: (kind.model_fields[name].annotation, kind.model_fields[name]) for name in names
    }
    base: Any = type("Some", (BaseSettings,), {"model_config": kind.model_config})
    some = create_model(kind.__name__, __base__=base, **fields)
    return read_settings(cast("type[BaseSettings]", some))


def variable_of(kind: type[BaseSettings], name: str) -> str:
    """The environment variable of a field."""
    alias = kind.model_fields[name].validation_alias
    prefix = kind.model_config.get("env_prefix", "")
    return alias if isinstance(alias, str) else f"{prefix}{name}".upper()


def _line(kind: type[BaseSettings], error: ErrorDetails) -> str:
    """One finding; a field is named by its alias in pydantic's words, by its name in ours."""
    place = str(error["loc"][0]) if error["loc"] else ""
    wrong = "missing" if error["type"] == "missing" else error["msg"]
    wrong = wrong.removeprefix("Value error, ").replace("Input should", "should")
    names = [
        name
        for name in kind.model_fields
        if place.casefold() in (name, variable_of(kind, name).casefold())
    ]
    return _worded(kind, names[0] if names else "", wrong)


def _worded(kind: type[BaseSettings], name: str, wrong: str) -> str:
    field: FieldInfo | None = kind.model_fields.get(name)
    if field is None:
        return wrong
    variable = variable_of(kind, name)
    prefix = kind.model_config.get("env_prefix") or variable
    if wrong.startswith(prefix) and not wrong.startswith(variable):
        return wrong  # it names the variable beside this one that is the wrong one
    line = f"{variable}: {wrong.removeprefix(variable).strip()}"
    if field.description:
        line += f" · {field.description}"
    if field.examples:
        line += f" · for example {variable}={field.examples[0]}"
    return line
