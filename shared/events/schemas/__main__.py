"""`python -m shared.events.schemas export|check [--against REV]`."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from shared.events.schemas import documents, history
from shared.events.schemas.compatibility import WIDENED, breaks


def export(folder: Path) -> list[str]:
    """Write the documents; returns the names of the files that changed."""
    texts = {name: documents.render(document) for name, document in documents.build().items()}
    changed = sorted(_differences(folder, texts))
    for stale in set(_present(folder)) - set(texts):
        (folder / stale).unlink()
    for name in changed:
        if name in texts:
            (folder / name).write_text(texts[name], encoding="utf-8")
    return changed


def check(folder: Path, against: str | None) -> list[str]:
    """What is wrong with the files: not as the models say, or not backward compatible."""
    built = documents.build()
    texts = {name: documents.render(document) for name, document in built.items()}
    problems = [
        f"{name} is not what the models say: run `python -m shared.events.schemas export`"
        for name in sorted(_differences(folder, texts))
    ]
    revision = against or history.base(folder)
    if revision is None:
        return problems
    for name, old in history.committed(revision, folder).items():
        if name not in built:
            problems.append(f"{name}: the type was removed (it is in {revision[:12]})")
        else:
            widened = WIDENED.get(name, frozenset())
            problems += [f"{name} {broken}" for broken in breaks(old, built[name], widened)]
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when all is well."""
    parser = argparse.ArgumentParser(prog="python -m shared.events.schemas")
    parser.add_argument("command", choices=["export", "check"])
    parser.add_argument("--against", metavar="REV", help="a git revision to compare with")
    parser.add_argument("--folder", type=Path, default=documents.FOLDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.command == "export":
        changed = export(options.folder)
        sys.stdout.write(f"schemas: {len(changed)} files changed\n")
        return 0
    try:
        problems = check(options.folder, options.against)
    except history.HistoryError as error:
        sys.stderr.write(f"schemas: cannot compare with git: {error}\n")
        return 2
    for problem in problems:
        sys.stderr.write(f"schemas: {problem}\n")
    if problems:
        return 1
    sys.stdout.write("schemas: as the models say, and backward compatible\n")
    return 0


def _present(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.json")]


def _differences(folder: Path, texts: dict[str, str]) -> Iterator[str]:
    for name in set(_present(folder)) | set(texts):
        path = folder / name
        if (
            name not in texts
            or not path.exists()
            or path.read_text(encoding="utf-8") != texts[name]
        ):
            yield name


if __name__ == "__main__":
    sys.exit(main())
