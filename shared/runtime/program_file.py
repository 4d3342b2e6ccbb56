"""program.yaml as written: read strictly, one document a service.

YAML forgives what an editor of rules would rather be told: a key given twice (the first one is
silently lost) and a key that is no text (`on:` and `no:` are booleans). Both are refused here,
with their line. Dates become text as they would in JSON, since the stored versions are JSON.
"""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import orjson
import yaml
from typing_extensions import override

Document = Mapping[str, Any]
"""As in `shared.runtime.program`, which this does not import: the command line starts quickly."""

_MERGE = "tag:yaml.org,2002:merge"


class ProgramFileError(Exception):
    """The file cannot be read as a program; the message says why and where."""


class _StrictLoader(yaml.CSafeLoader):
    """A safe loader that lets no key be given twice, and only text as a key.

    libyaml's: it reads the program in 9 ms instead of 72, at each start of each service.
    """

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _value in node.value:
            if key_node.tag == _MERGE:
                continue
            line = key_node.start_mark.line + 1
            key = self.construct_object(key_node)
            if not isinstance(key, str):
                raise ProgramFileError(
                    f"line {line}: the key {key_node.value!r} reads as {key!r}; put it in quotes"
                )
            if key in seen:
                raise ProgramFileError(f"line {line}: {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse_program(text: str) -> dict[str, Document]:
    """Read a program: the document of each part by its name.

    Raises:
        ProgramFileError: not YAML, not an object of objects, or ambiguous.
    """
    try:
        # a subclass of the safe loader: makes plain values only
        program = yaml.load(text, Loader=_StrictLoader)  # noqa: S506
        parts = orjson.loads(orjson.dumps(program))
    except yaml.YAMLError as error:
        raise ProgramFileError(f"not YAML: {error}") from error
    except TypeError as error:
        raise ProgramFileError(f"a value that JSON does not have: {error}") from error
    if not isinstance(parts, dict) or not all(isinstance(part, dict) for part in parts.values()):
        raise ProgramFileError(
            "a program has a section for each part: points, segmentation, notify"
        )
    return parts


def read_program(path: Path) -> dict[str, Document]:
    """Read program.yaml: the document of each part by its name.

    Raises:
        ProgramFileError: as `parse_program`, or there is no such file.
    """
    try:
        return parse_program(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ProgramFileError(f"{path}: {error}") from error
    except ProgramFileError as error:
        raise ProgramFileError(f"{path}: {error}") from error


def read_part(path: Path, name: str) -> Document:
    """Read one part of program.yaml, as the default of a `ProgramPart`.

    Raises:
        ProgramFileError: as `read_program`, or the part is missing.
    """
    parts = read_program(path)
    if name not in parts:
        raise ProgramFileError(f"{path} has no section {name!r}")
    return parts[name]
