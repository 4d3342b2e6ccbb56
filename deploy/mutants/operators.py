"""How one node of code can be changed so that it does something else.

Every operator answers texts to put in the node's place. What cannot be compiled, or says the same
as before, is dropped by `finding`.
"""

import ast
import copy
from collections.abc import Callable, Iterator

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_LINKS = frozenset({
    "where", "order_by", "limit", "with_for_update", "distinct", "group_by", "having", "filter",
    "strip", "lower", "upper", "desc", "asc", "casefold",
})  # fmt: skip
"""Calls in a chain that narrow or order: without one of them the chain still runs."""
_UNORDERED = frozenset({"min", "max", "and_", "or_"})
"""Functions that answer the same whatever the order of their arguments."""
_KEYED = frozenset({"get", "pop", "setdefault", "getattr"})


def _text(node: ast.expr, *, bare: bool = False) -> str:
    text = ast.unparse(node)
    plain = isinstance(node, ast.Constant | ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    return text if plain or bare else f"({text})"


def compared(node: ast.AST) -> Iterator[str]:
    """Another comparison: the boundary moved, or the opposite."""
    if not isinstance(node, ast.Compare):
        return
    for place, operator in enumerate(node.ops):
        for other in _COMPARED[type(operator)]:
            changed = copy.copy(node)
            changed.ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield _text(changed)


def joined(node: ast.AST) -> Iterator[str]:
    """And for or, or for and; one operand left out."""
    if not isinstance(node, ast.BoolOp):
        return
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield _text(ast.BoolOp(other, node.values))
    for place in range(len(node.values)):
        rest = [*node.values[:place], *node.values[place + 1 :]]
        yield _text(rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))


def negated(node: ast.AST) -> Iterator[str]:
    """A `not` left out."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _text(node.operand)


def condition(test: ast.expr) -> Iterator[str]:
    """The opposite of a condition that is no comparison (those have operators of their own)."""
    if not isinstance(test, ast.Compare | ast.BoolOp | ast.Constant | ast.UnaryOp | ast.NamedExpr):
        yield _text(ast.UnaryOp(ast.Not(), test))


def computed(node: ast.AST) -> Iterator[str]:
    """Another arithmetic; a sign left out."""
    if isinstance(node, ast.BinOp) and not _is_of_types(node):
        yield _text(ast.BinOp(node.left, _COMPUTED[type(node.op)](), node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield _text(node.operand)
    if isinstance(node, ast.AugAssign):
        changed = copy.copy(node)
        changed.op = _COMPUTED[type(node.op)]()
        yield ast.unparse(changed)


def _is_of_types(node: ast.BinOp) -> bool:
    """Whether the operator does not compute: a union of types, or texts put together."""
    if isinstance(node.op, ast.BitOr):
        names = [ast.unparse(side).split(".")[-1][:1] for side in (node.left, node.right)]
        return all(name.isupper() or name == "N" for name in names)
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
        for side in (node.left, node.right)
    )


def constant(node: ast.AST) -> Iterator[str]:
    """A number one more and one less, a truth turned over."""
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield str(not node.value)
    elif isinstance(node.value, int):
        yield str(node.value + 1)
        yield str(node.value - 1) if node.value > 0 else f"({node.value - 1})"
    elif isinstance(node.value, float):
        yield repr(node.value * 2 + 1)


def key(node: ast.expr | None) -> Iterator[str]:
    """A text that names something, with another name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and node.value:
        yield repr(node.value + "_") if isinstance(node.value, str) else repr(node.value + b"_")


def keys_of(node: ast.AST) -> Iterator[ast.expr | None]:
    """The places below a node where a text names something."""
    match node:
        case ast.Subscript():
            yield node.slice
        case ast.Dict():
            yield from node.keys
        case ast.Compare():
            yield from (node.left, *node.comparators)
        case ast.MatchValue() | ast.Return():
            yield node.value
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in _KEYED:
            yield from node.args[:2]
        case ast.Set() | ast.Tuple():
            yield from node.elts
        case _:
            return


def returned(node: ast.AST) -> Iterator[str]:
    """Nothing answered instead of something."""
    match node:
        case ast.Return(value=None | ast.Constant(value=None)):
            return
        case ast.Return():
            yield "return None"
        case _:
            return


def removed(node: ast.AST) -> Iterator[str]:
    """A statement that does something left out."""
    match node:
        case ast.Expr(value=ast.Call() | ast.Await() | ast.YieldFrom()):
            yield "pass"
        case ast.Raise() | ast.AugAssign() | ast.Delete() | ast.Return(value=None):
            yield "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "pass"
        case ast.Break():
            yield "continue"
        case ast.Continue():
            yield "break"
            yield "pass"
        case _:
            return


def called(node: ast.AST) -> Iterator[str]:
    """Two arguments swapped; the opposite function; a link of a chain left out."""
    if not isinstance(node, ast.Call):
        return
    arguments = node.args
    swapping = 0 if ast.unparse(node.func) in _UNORDERED else len(arguments) - 1
    for place in range(swapping):
        left, right = arguments[place : place + 2]
        if isinstance(left, ast.Starred) or isinstance(right, ast.Starred):
            continue
        swapped = [*arguments[:place], right, left, *arguments[place + 2 :]]
        yield _text(ast.Call(node.func, swapped, node.keywords))
    match node.func:
        case ast.Name(id=name) if name in _FUNCTIONS:
            keywords = [] if name == "sorted" else node.keywords
            yield _text(ast.Call(ast.Name(_FUNCTIONS[name]), arguments, keywords))
        case ast.Name(id="reversed"):
            yield _text(arguments[0])
        case ast.Attribute(value=chained, attr=name) if name in _LINKS:
            yield _text(chained)
        case _:
            return


def beside(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """What can be changed at a handler, a case or a comprehension: where, and the text."""
    match node:
        case ast.ExceptHandler(type=ast.Tuple(elts=kinds) as caught):
            for place in range(len(kinds)):
                rest = [*kinds[:place], *kinds[place + 1 :]]
                yield caught, ast.unparse(ast.Tuple(rest, ast.Load()))
        case ast.comprehension(ifs=tests):
            yield from ((test, text) for test in tests for text in (*condition(test), "True"))
        case ast.match_case(guard=ast.expr() as guard):
            yield from ((guard, text) for text in condition(guard))
        case ast.MatchValue(value=value):
            yield from ((value, text) for text in key(value))
        case _:
            return


NODE_OPERATORS: tuple[Callable[[ast.AST], Iterator[str]], ...] = (
    compared,
    joined,
    negated,
    computed,
    constant,
    returned,
    removed,
    called,
)
"""Operators whose texts take the place of the node itself."""
