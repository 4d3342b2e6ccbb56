"""What of the code is left alone, by kind: texts for people, types, and how code is declared."""

import ast

_LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
_LOGGERS = frozenset({"_LOG", "LOG", "log", "_log", "logger", "_logger", "self._log"})
_METRICS = frozenset({"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"})
_TYPING = frozenset({"assert_never", "cast", "TypeVar", "NewType"})
_MARKING = frozenset({"__all__", "__slots__", "__test__"})
_DESCRIBING = frozenset({"__repr__", "__str__", "__rich_repr__"})
_DECLARING = frozenset(
    {"frozen", "slots", "repr", "kw_only", "strict", "init", "hash", "read_only"}
)
"""Keywords that guard how code is written, not what it does."""
_TUNING = ("_SECONDS", "_seconds", "_SECONDS_MAX", "_seconds_max", "_MS", "_ms", "_ms_max")
"""Endings of names whose figure can be one more or less, and only a wait differs."""


def is_left_alone(node: ast.stmt) -> bool:
    """Statements with no behaviour, or whose behaviour is only text or typing."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Pass():
            return True
        case ast.Expr(value=value):
            return isinstance(value, ast.Constant) or is_left_alone_call(value)
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name in _MARKING or name.endswith(_TUNING)
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case _:
            return _is_left_alone_definition(node)


def _is_left_alone_definition(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            marks = {ast.unparse(mark).split(".")[-1] for mark in node.decorator_list}
            return node.name in _DESCRIBING or bool(marks & {"overload", "abstractmethod"})
        case ast.ClassDef():
            return any(ast.unparse(base).split("[")[0] == "Protocol" for base in node.bases)
        case _:
            return False


def is_left_alone_call(node: ast.expr) -> bool:
    """Logging, metrics' definitions, and calls that speak to the type checker."""
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    head, _, last = name.rpartition(".")
    if last in _LOGGING and head in _LOGGERS:
        return True
    return last in _METRICS or last in _TYPING


def is_type(node: ast.expr) -> bool:
    """Words that only a type checker reads."""
    return isinstance(node, ast.Subscript) and ast.unparse(node.value).split(".")[-1] == "Literal"


def is_changed_keyword(node: ast.keyword) -> bool:
    """Whether its value says what the code does."""
    name = node.arg or ""
    return name not in _DECLARING and not name.endswith(_TUNING)
