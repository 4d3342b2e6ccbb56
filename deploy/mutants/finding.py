"""Where code can be changed: every change of a file, less what is left alone by kind."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.mutants import operators
from deploy.mutants.exclusions import (
    is_changed_keyword,
    is_left_alone,
    is_left_alone_call,
    is_type,
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file.

    Attributes:
        path: of the file, from the root of the tree.
        function: qualified name of the function or class that holds the change; empty at the top.
        before: the changed lines as they are, stripped.
        after: the same lines changed, stripped.
        nth: which of several changes that read the same.
        at_import: whether the line runs when the module is imported, not when a function is called.
        first_line: of the statement that is changed.
        last_line: of the statement, without the body of a compound one.
        source: the whole file, changed.
    """

    path: str
    function: str
    before: str
    after: str
    nth: int
    at_import: bool
    first_line: int
    last_line: int
    source: str

    @property
    def fingerprint(self) -> str:
        """Names the change, wherever in the file it stands."""
        return f"{self.path}::{self.function}: {self.before} → {self.after}"

    def diff(self, original: str) -> str:
        """Unified diff of the file."""
        lines = difflib.unified_diff(
            original.splitlines(), self.source.splitlines(), self.path, self.path, lineterm="", n=2
        )
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    text: str
    function: str
    at_import: bool
    first_line: int
    last_line: int


def mutants_of(path: str, source: str) -> list[Mutant]:
    """All changes of a file that compile and do not say the same as before, in order."""
    tree = ast.parse(source)
    original = ast.dump(tree)
    encoded = source.encode()
    found: dict[str, Mutant] = {}
    seen: dict[tuple[str, str, str], int] = {}
    for change in _Finder(encoded).changes(tree):
        changed = (encoded[: change.start] + change.text.encode() + encoded[change.end :]).decode()
        if changed in found or not _is_another(changed, original):
            continue
        before, after = _lines(source, changed)
        nth = seen.get((change.function, before, after), 0)
        seen[change.function, before, after] = nth + 1
        found[changed] = Mutant(
            path=path,
            function=change.function,
            before=before,
            after=after,
            nth=nth,
            at_import=change.at_import,
            first_line=change.first_line,
            last_line=change.last_line,
            source=changed,
        )
    return list(found.values())


def _is_another(changed: str, original: str) -> bool:
    try:
        tree = ast.parse(changed)
        compile(changed, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return ast.dump(tree) != original


def _lines(source: str, changed: str) -> tuple[str, str]:
    """The lines that differ, before and after, each as one text."""
    before, after = source.splitlines(), changed.splitlines()
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    most = min(len(before), len(after)) - first
    while last < most and before[-1 - last] == after[-1 - last]:
        last += 1
    return (
        " ".join(" ".join(before[first : len(before) - last]).split()),
        " ".join(" ".join(after[first : len(after) - last]).split()),
    )


class _Finder:
    """Walks a file and knows where it is."""

    def __init__(self, source: bytes) -> None:
        self._offsets = [0]
        for line in source.splitlines(keepends=True):
            self._offsets.append(self._offsets[-1] + len(line))
        self._names: list[str] = []
        self._lines = (1, 1)
        self._functions = 0

    def changes(self, tree: ast.Module) -> Iterator[_Change]:
        for statement in tree.body:
            yield from self._statement(statement)

    def _statement(self, node: ast.stmt) -> Iterator[_Change]:
        if is_left_alone(node):
            return
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        last_line = max(node.lineno, first.lineno - 1) if first else (node.end_lineno or 0)
        outer, self._lines = self._lines, (node.lineno, last_line)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._names.append(node.name)
            yield from self._definition(node)
            self._names.pop()
        else:
            yield from self._of_node(node)
            yield from self._below(node)
        self._lines = outer

    def _definition(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) -> Iterator[_Change]:
        is_function = not isinstance(node, ast.ClassDef)
        if not isinstance(node, ast.ClassDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    yield from self._expression(default)
        self._functions += is_function
        for statement in node.body:
            yield from self._statement(statement)
        self._functions -= is_function

    def _below(self, node: ast.AST) -> Iterator[_Change]:
        annotation = getattr(node, "annotation", None)
        for child in ast.iter_child_nodes(node):
            if child is annotation:
                continue
            if isinstance(child, ast.stmt):
                yield from self._statement(child)
            elif isinstance(child, ast.expr):
                yield from self._expression(child)
            elif not isinstance(child, ast.keyword) or is_changed_keyword(child):
                yield from self._other(child)

    def _other(self, node: ast.AST) -> Iterator[_Change]:
        """Handlers, cases, comprehensions and keywords: not expressions, but with some below."""
        for place, text in operators.beside(node):
            yield self._change(place, text)
        yield from self._below(node)

    def _expression(self, node: ast.expr) -> Iterator[_Change]:
        # Positions inside an f-string mean nothing before Python 3.12.
        if isinstance(node, ast.JoinedStr) or is_type(node) or is_left_alone_call(node):
            return
        yield from self._of_node(node)
        yield from self._below(node)

    def _of_node(self, node: ast.stmt | ast.expr) -> Iterator[_Change]:
        for operator in operators.NODE_OPERATORS:
            for text in operator(node):
                yield self._change(node, text)
        test = getattr(node, "test", None)
        if isinstance(test, ast.expr) and not isinstance(node, ast.Assert):
            for text in operators.condition(test):
                yield self._change(test, text)
        for named in operators.keys_of(node):
            for text in operators.key(named):
                assert named is not None  # noqa: S101 - no text is made of no key
                yield self._change(named, text)

    def _change(self, node: ast.stmt | ast.expr, text: str) -> _Change:
        start = self._offsets[node.lineno - 1] + node.col_offset
        end = self._offsets[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
        at_import = self._functions == 0
        return _Change(start, end, text, ".".join(self._names), at_import, *self._lines)
