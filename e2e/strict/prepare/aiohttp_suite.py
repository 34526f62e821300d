"""aiohttp: tests/test_http_parser.py, and httptools's of the same shape: test
functions that feed bytes to a parser, some of them where an exception is
wanted. They are read, not run: what is fed must be a constant, or made of
constants."""
import ast
import itertools

from case import Case, with_host

PARSERS = ("parser",)


def read(folder):
    tree = ast.parse((folder / "tests" / "test_http_parser.py").read_text("utf-8"))
    constants = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            assign(node, constants)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            yield from cases(node, constants)


def cases(function, constants):
    """A case for each combination of parameters that is constant."""
    arguments = [argument.arg for argument in function.args.args]
    if not set(PARSERS) & set(arguments):
        return
    for number, parameters in enumerate(combinations(function)):
        test = Test({**constants, **parameters})
        for statement in function.body:
            test.visit(statement)
        data = b"".join(test.fed)
        if data and b"HTTP/1" in data and not test.unknown:
            name = function.name[len("test_"):] + (" %d" % number if parameters else "")
            yield Case(name, with_host(data), "refused" if test.raises else "served")


def combinations(function):
    """The parameters that pytest.mark.parametrize gives, as dicts."""
    lists = []
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("parametrize"):
            lists.append(list(parametrized(*decorator.args[:2])))
    for chosen in itertools.product(*lists):
        yield {name: value for parameters in chosen for name, value in parameters.items()}


def parametrized(names, values):
    names = constant(names, {})
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names or ())
    for element in getattr(values, "elts", ()):
        if isinstance(element, ast.Call) and ast.unparse(element.func).endswith("param"):
            value = [constant(argument, {}) for argument in element.args]
        elif len(names) > 1 and isinstance(element, (ast.Tuple, ast.List)):
            value = [constant(part, {}) for part in element.elts]
        else:
            value = [constant(element, {})]
        yield {name: part for name, part in zip(names, value) if part is not None}


class Test(ast.NodeVisitor):
    """What a test function feeds to its parser."""

    def __init__(self, values):
        self.values, self.fed, self.raises, self.unknown = values, [], False, False

    def visit_Assign(self, node):
        assign(node, self.values)
        self.generic_visit(node)

    def visit_With(self, node):
        self.raises = self.raises or any("raises" in ast.unparse(item.context_expr) for item in node.items)
        self.generic_visit(node)

    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "feed_data" and \
                ast.unparse(node.func.value) in PARSERS:
            data = constant(node.args[0], self.values)
            if isinstance(data, bytes):
                self.fed.append(data)
            else:
                self.unknown = True
        self.generic_visit(node)

    def visit_If(self, node):
        self.unknown = True  # what is fed depends on which parser it is

    def visit_For(self, node):
        self.unknown = True


def assign(node, values):
    if isinstance(node.targets[0], ast.Name):
        value = constant(node.value, values)
        values.pop(node.targets[0].id, None)
        if value is not None:
            values[node.targets[0].id] = value


def constant(node, values):
    """The value of an expression of constants, or None."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id not in values:
            return None
        if isinstance(part, ast.Call) and not (
                isinstance(part.func, ast.Attribute) and part.func.attr in ("encode", "join", "replace", "format")):
            return None
        if isinstance(part, (ast.Lambda, ast.Await, ast.Yield, ast.comprehension, ast.NamedExpr)):
            return None
        if isinstance(part, ast.Attribute) and part.attr not in ("encode", "join", "replace", "format"):
            return None
    try:
        return eval(compile(ast.Expression(node), "constant", "eval"), {"__builtins__": {}}, dict(values))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return None
