"""What a factory passes on in a global_conf that is not text.

Pasted hands values on without a look at them, so each goes there as a text that
stands for it, and comes back as itself. See the module for Python 3.
"""

import re

from pasted_worker.text import utf8


def plain_text(name):
    """Return name, a str or a unicode, as Pasted can be told it."""
    return utf8(name)


class Objects(object):
    """The objects of one question.

    In a file that another takes in, a global_conf becomes defaults, which are
    read, and the texts are such that reading does to them what it would do to
    the object: a lone percent sign is an error, and of two one is left.
    """

    def __init__(self):
        self._found = []
        self._begin = "\xe2\x9f\xa6pasted "
        self._mark = None

    def hide(self, conf):
        """Return conf, whatever dict() takes, with nothing but text in it."""
        conf = dict(conf)
        while any(self._begin in text for pair in conf.items() for text in pair if isinstance(text, str)):
            self._begin += "-"
        self._mark = re.compile("%?" + self._begin + "([0-9]+)(%?%?)\xe2\x9f\xa7")
        return dict((self._hidden(key), self._hidden(value)) for key, value in conf.items())

    def _hidden(self, value):
        if type(value) is str:
            try:
                value.decode("utf-8")
                return value
            except UnicodeError:
                pass  # in another encoding: as it is
        self._found.append(value)
        mark = "%s%d%%s\xe2\x9f\xa7" % (self._begin, len(self._found) - 1)
        if isinstance(value, basestring):
            return mark % ""
        if value is None:
            return mark % "%%"  # may be there, but not be named
        return "%" + mark % ""

    def show(self, tree):
        """Put the objects back into the configurations of tree, and return it."""
        if self._found:
            for name in ("global_conf", "local_conf"):
                tree[name] = dict(
                    (self._shown(k, tree), self._shown(v, tree)) for k, v in tree[name].items())
            for child in ("app", "filter", "next"):
                if child in tree:
                    self.show(tree[child])
            for child in tree.get("filters", ()):
                self.show(child)
        return tree

    def _shown(self, text, tree):
        whole = self._mark.match(text)
        if whole and whole.end() == len(text) and whole.group(2) != "%":
            return self._found[int(whole.group(1))]
        return self._mark.sub(lambda mark: self._spliced(int(mark.group(1)), tree), text)

    def _spliced(self, number, tree):
        """Return the object that an interpolation has put into a value, which must be text."""
        value = self._found[number]
        if not isinstance(value, str):
            raise _blamed(tree["loader"].partition(":")[2], lambda: "%" in value)
        return value

    def error(self, text):
        """Return what Python says where an object was read as a value; None if text is of no such thing."""
        mark = self._mark.search(text) if self._found else None
        named = mark and re.match("Error in file (.*): '%' must be followed", text, re.DOTALL)
        if not named:
            return None
        value = self._found[int(mark.group(1))]
        return _blamed(named.group(1), lambda: value.find("%"))


def _blamed(filename, attempt):
    """Return what attempt raises, as PasteDeploy words it for a file."""
    try:
        attempt()
    except Exception as error:
        error.args = ("Error in file %s: %s" % (filename, error),) + error.args[1:]
        return error
    return TypeError("Error in file %s: a value that is not text" % filename)
