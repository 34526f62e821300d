"""What callables can be called with."""

import inspect

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def text(function):
    """Return the parameters of function as they would stand in its definition; None if it does not tell."""
    signature = _signature(function)
    return str(signature) if signature else None


class Shape:
    """What a callable can be called with, and what its parameters are called."""

    def __init__(self, found):
        self.names = []  # of positional parameters, in lower case
        self.takes_any = self.takes_any_keyword = False
        self._signature = _signature(found)
        self.known = self._signature is not None
        if not self.known:
            return
        for parameter in self._signature.parameters.values():
            if parameter.kind in _POSITIONAL:
                self.names.append(parameter.name.lower().lstrip("_"))
            self.takes_any |= parameter.kind is inspect.Parameter.VAR_POSITIONAL
            self.takes_any_keyword |= parameter.kind is inspect.Parameter.VAR_KEYWORD

    def binds(self, args, kw):
        """Say whether it can be called so."""
        try:
            self._signature.bind(*args, **kw)
        except TypeError:
            return False
        return True

    def requires(self, index):
        """Say whether the positional parameter with that index has no default."""
        parameter = list(self._signature.parameters.values())[index]
        return parameter.default is inspect.Parameter.empty


def _signature(function):
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None  # one that does not tell
