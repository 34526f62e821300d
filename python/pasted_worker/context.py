"""Builds applications from the contexts that Pasted has resolved.

A Context imports what PasteDeploy's loadcontext() would have imported, in its
order, and create() then does what PasteDeploy's create() does. Resolving is not
done here: a loader asks Pasted.
"""

import importlib

from pasted_worker import failure, loader
from pasted_worker.installed import distribution


class Context:
    """A resolved section: what a loader's app_context() and its like return.

    It has the attributes of PasteDeploy's LoaderContext.
    """

    def __init__(self, tree, asker):
        self.type_name = tree["type"]
        self.protocol = tree["protocol"] or None
        self.global_conf = tree["global_conf"]
        self.local_conf = tree["local_conf"]
        self._distribution = tree.get("distribution")
        self.entry_point_name = tree.get("entry_point_name") or None
        self.loader = loader.make(tree, asker, self.__class__)
        self.object = None
        self._section = {key: tree.get(key) for key in ("section", "file", "line")}
        self._direct = bool(tree["object"]) and tree["object"]["style"] == "direct"
        if self.type_name == "pipeline":
            self.app_context = self.__class__(tree["app"], asker)
            self.filter_contexts = [self.__class__(t, asker) for t in tree["filters"]]
        elif self.type_name in ("filter_app", "filtered_with"):
            self.next_context = self.__class__(tree["next"], asker)
            self.filter_context = self.__class__(tree["filter"], asker)
            self._share(tree.get("shares", ()))
        elif tree["object"]:
            self.object = self._marked(load_object, tree["object"])

    def create(self):
        """Build what the context stands for."""
        build = self.builders.get(self.type_name)
        if build is None:
            raise AssertionError("Object type %r unknown" % (self.type_name,))
        return self._marked(build, self)

    def _share(self, names):
        """Have the configurations that belong to a part as well be the same objects."""
        for name in names:
            part, _, conf = name.partition(".")
            setattr(self, conf, getattr(getattr(self, part), conf))

    @property
    def object_type(self):
        """What the context is, an object whose name says it."""
        return loader.object_type(self.type_name)

    @property
    def distribution(self):
        """The distribution of an egg's entry point, as importlib.metadata has it; else None."""
        return distribution(self._distribution) if self._distribution else None

    def config(self):
        """Return both configurations in one, as PasteDeploy's appconfig() does."""
        conf = Config(self.global_conf)
        conf.update(self.local_conf)
        conf.global_conf = self.global_conf
        conf.local_conf = self.local_conf
        conf.context = self
        return conf

    def is_direct(self):
        """Say whether object is named where PasteDeploy wants a factory's name."""
        return self._direct

    def _marked(self, function, argument):
        try:
            return function(argument)
        except BaseException as error:
            failure.mark(error, self._section)
            raise


class Config(dict):
    """A dict with room for attributes."""


def load_object(reference):
    """Import what reference names, as its style says."""
    module, attr = reference["module"], reference["attr"]
    if reference["style"] == "call":
        # By attributes alone, and attr as a whole: a dot in it is of the name.
        found = __import__(module)
        parts = module.split(".")[1:] + ([attr] if attr else [])
    else:
        found = importlib.import_module(module)
        parts = [part for part in attr.split(".") if part]
    for part in parts:
        found = getattr(found, part)
    return found


# The name, and that of its first parameter, are PasteDeploy's: an option called
# "callable" clashes with it, and the text of that error names both.
def fix_call(callable, *args, **kw):
    """Call callable; a TypeError about its arguments says what it got and wants."""
    try:
        return callable(*args, **kw)
    except TypeError as error:
        explain(error, callable, args, kw)
        raise


def explain(error, function, args, kw):
    """Add to a TypeError about arguments what function was called with and wants."""
    if type(error) is not TypeError or "arguments" not in str(error):
        return
    if getattr(error, "_type_error_fixed", False):
        return
    error._type_error_fixed = True
    from pasted_worker import signatures  # which few need, and inspect is not small
    wanted = signatures.text(function)
    if wanted is None:
        return
    got = [_short(repr(a)) for a in args] + ["%s=..." % name for name in sorted(kw)]
    error.args = ("%s; got (%s), wanted %s" % (error, ", ".join(got), wanted),)


def _short(text):
    return text if len(text) <= 12 else text[:8] + "..." + text[-4:]


def _direct_call(function, args, kw):
    """Do what fix_call does, without its clash of names."""
    try:
        return function(*args, **kw)
    except TypeError as error:
        explain(error, function, args, kw)
        raise


def _unknown(protocol):
    return AssertionError("Protocol %r unknown" % (protocol,))


def _create_app(context):
    if context.is_direct():
        from pasted_worker import direct  # as signatures in explain()
        return direct.application(context.object, context, _direct_call)
    if context.protocol in ("paste.composite_factory", "paste.composit_factory"):
        loader.prepare()
        return fix_call(
            context.object, context.loader, context.global_conf, **context.local_conf)
    if context.protocol == "paste.app_factory":
        return fix_call(context.object, context.global_conf, **context.local_conf)
    raise _unknown(context.protocol)


def _create_filter(context):
    if context.is_direct():
        from pasted_worker import direct
        return direct.filter(context.object, context, _direct_call)
    return _create_wrapper(context, "paste.filter_factory", "paste.filter_app_factory")


def _create_server(context):
    return _create_wrapper(context, "paste.server_factory", "paste.server_runner")


def _create_wrapper(context, now, later):
    if context.protocol == now:
        return fix_call(context.object, context.global_conf, **context.local_conf)
    if context.protocol == later:
        return lambda app: context._marked(lambda wrapped: fix_call(
            context.object, wrapped, context.global_conf, **context.local_conf), app)
    raise _unknown(context.protocol)


def _create_pipeline(context):
    app = context.app_context.create()
    filters = [c.create() for c in context.filter_contexts]
    for wrap in reversed(filters):
        app = wrap(app)
    return app


def _create_filter_app(context):
    app = context.next_context.create()
    return context.filter_context.create()(app)


def _create_filtered_with(context):
    outer = context.filter_context.create()
    inner = context.next_context.create()
    # PasteDeploy's rule, a pipeline with a filter included: only what is an
    # application by its type is wrapped as one.
    if context.next_context.type_name == "application":
        return outer(inner)
    return lambda app: outer(inner(app))


# What create() does, by object_type; a subclass may have its own.
Context.builders = {
    "application": _create_app,
    "filter": _create_filter,
    "server": _create_server,
    "pipeline": _create_pipeline,
    "filter_app": _create_filter_app,
    "filtered_with": _create_filtered_with,
}
