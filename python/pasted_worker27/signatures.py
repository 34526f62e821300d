"""What callables can be called with."""

import inspect


def text(function):
    """Return the parameters of function as they would stand in its definition; None if it does not tell."""
    found = _spec(function)
    return inspect.formatargspec(*found) if found else None


class Shape(object):
    """What a callable can be called with, and what its parameters are called."""

    def __init__(self, found):
        self.names = []  # of positional parameters, in lower case
        self.takes_any = self.takes_any_keyword = False
        spec = _spec(found)
        self.known = spec is not None
        if not self.known:
            return
        self._names, self._defaults = list(spec.args), len(spec.defaults or ())
        self.names = [name.lower().lstrip("_") if isinstance(name, str) else "" for name in self._names]
        self.takes_any = spec.varargs is not None
        self.takes_any_keyword = spec.keywords is not None

    def binds(self, args, kw):
        """Say whether it can be called so."""
        if len(args) > len(self._names) and not self.takes_any:
            return False
        taken = self._names[:len(args)]
        if any(name in taken or name not in self._names and not self.takes_any_keyword for name in kw):
            return False
        required = self._names[len(args):len(self._names) - self._defaults]
        return all(name in kw for name in required)

    def requires(self, index):
        """Say whether the positional parameter with that index has no default."""
        return index < len(self._names) - self._defaults


def _spec(function):
    """Return inspect's ArgSpec without what a call fills in itself; None if there is none."""
    bound = 0
    if inspect.isclass(function):
        function, bound = getattr(function, "__init__", None), 1
    elif not inspect.isroutine(function) and hasattr(function, "__call__") and not hasattr(function, "func_code"):
        function = function.__call__
    if inspect.ismethod(function):
        bound = max(bound, 1 if function.__self__ is not None else 0)
        function = function.__func__
    try:
        spec = inspect.getargspec(function)
    except TypeError:
        return None  # written in C
    return spec._replace(args=spec.args[bound:])
