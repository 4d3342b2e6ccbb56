"""The handbook as its readers paste it: pages, and the blocks of commands and samples in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

UP = "make up ARGS=--detach"
DOWN = "make down"

NOT_RUN = {
    UP: "once for all pages, before the first",
    "make up": "runs until Ctrl-C; tests/e2e/test_up.py does that",
    "make demo": "the whole year takes minutes; tests/e2e/test_demo.py runs its first days",
    'make demo ARGS="--limit-days 30"': "as above",
    "make test": "runs this very test",
    "docker compose up --detach": "needs Docker; tests/unit/deploy/test_compose.py reads the file",
    "make bench": "a quarter of an hour; tests/integration/bench runs each path shortly",
    'make bench ARGS="points --json points.json"': "as above",
    ".venv/bin/regulars bench ingest --rounds 5": "as above",
    ".venv/bin/regulars bench segmentation --events 40000": "as above",
    ".venv/bin/regulars bench notify --events 30000": "as above",
    ".venv/bin/regulars bench pipeline --events 20000": "as above",
    ".venv/bin/regulars bench scale --rounds 3": "as above",
    ".venv/bin/regulars program withdraw points 2": "asks; tests/integration/deploy/cli types it",
}
"""Commands of the handbook that the test of it does not type itself, and why."""


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language (may be empty), its text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Its lines without remarks at their ends."""
        return [re.sub(r"\s+# .*", "", line).rstrip() for line in self.text.splitlines()]

    @property
    def script(self) -> str:
        """What is left to run when the commands of NOT_RUN are taken out."""
        texts = self.text.splitlines()
        kept = [text for text, line in zip(texts, self.lines, strict=True) if line not in NOT_RUN]
        return "\n".join(kept) + "\n"


def pages() -> list[str]:
    """What people follow, in the order of reading; decisions are history."""
    docs = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
    first = ["README.md", "README.zh.md", "CONTRIBUTING.md", "docs/quick-start.md"]
    return first + [page for page in docs if page not in first]


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page."""
    found, language, start, lines = [], "", 0, list[str]()
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        if not line.startswith("```"):
            lines.append(line)
        elif start:
            found.append(Block(page, start, language, "\n".join(lines) + "\n"))
            start = 0
        else:
            language, start, lines = line.removeprefix("```").strip(), number, []
    return found


def all_blocks(language: str) -> list[Block]:
    """All blocks of a language, in all pages."""
    return [block for page in pages() for block in blocks(page) if block.language == language]
