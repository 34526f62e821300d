"""Exceptions on their way from Pasted to Python.

What PasteDeploy would have raised comes as a class's name and a text, and
becomes that exception, with the attributes that its text tells of.
"""

import ast
import builtins
import configparser
import importlib
import re

_NO_PACKAGE = "No package metadata was found for "

_OSERROR = re.compile(r"\[Errno (\d+)\] ([^:]*)(?:: (['\"].*))?", re.DOTALL)
_UNICODE_ERROR = re.compile(
    r"'([^']*)' codec can't decode bytes? (?:0x([0-9a-f]{2}) )?in position (\d+)(?:-(\d+))?: (.*)",
    re.DOTALL)


def revive(name, text):
    """Return the exception of class name whose str() is text.

    The name is a builtin class's or has its module before it; what is not known
    becomes a LookupError.
    """
    module, _, plain = name.rpartition(".")
    if plain == "PackageNotFoundError":
        return _package_not_found(text)
    kind = getattr(configparser if module == "configparser" else builtins, plain, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return LookupError(text)
    if issubclass(kind, configparser.Error):
        return _configparser_error(kind, text)
    if issubclass(kind, KeyError):
        return _key_error(kind, text)
    if issubclass(kind, OSError):
        return _os_error(kind, text)
    if issubclass(kind, UnicodeError):
        return _unicode_error(text)
    return kind(text)


class PackageNotFound(ImportError):
    """Stands for importlib.metadata's PackageNotFoundError where there is none."""

    def __str__(self):
        return _NO_PACKAGE + self.args[0]


def _package_not_found(text):
    # Some Pythons have another text, and the name is an attribute of some.
    name = text.replace(_NO_PACKAGE, "", 1)
    for module in "importlib.metadata", "importlib_metadata":
        try:
            return importlib.import_module(module).PackageNotFoundError(name)
        except ImportError:
            continue
    return PackageNotFound(name)


def _configparser_error(kind, text):
    """Return the error with its attributes, as far as text has them."""
    for name, pattern, make in _CONFIGPARSER:
        match = pattern.fullmatch(text) if name == kind.__name__ else None
        if match is None:
            continue
        try:
            error = make(kind, *match.groups())
        except (ValueError, SyntaxError):
            continue
        if str(error) == text:
            return error
    error = kind.__new__(kind)
    configparser.Error.__init__(error, text)
    return error


def _missing_header(kind, source, line, text):
    return kind(_value(source), int(line), _value(text))


def _duplicate_section(kind, source, line, section):
    return kind(_value(section), _value(source), int(line))


def _duplicate_option(kind, source, line, option, section):
    return kind(_value(section), _value(option), _value(source), int(line))


def _unparsable(kind, source, lines):
    found = [(int(line), text) for line, text in _BAD_LINE.findall(lines)]
    error = kind(_value(source))
    for line, text in found:
        error.append(line, text)
    if not str(error).endswith(lines):  # from Python 3.13 on it is given the line itself
        error = kind(_value(source))
        for line, text in found:
            error.append(line, _value(text))
    return error


def _bad_name(kind, prefix, option, section, name, raw):
    return _in_file(prefix, kind(_value(option), _value(section), _value(raw), _value(name)))


def _too_deep(kind, prefix, option, section, raw):
    return _in_file(prefix, kind(_value(option), _value(section), _value(raw)))


def _bad_syntax(kind, prefix, reason):
    # Which option was read the text does not say.
    return _in_file(prefix, kind(None, None, reason))


def _in_file(prefix, error):
    """Do to an InterpolationError what PasteDeploy does, which adds the file to it."""
    error.message = prefix + error.message
    error.args = (error.message,) + error.args[1:]
    return error


_value = ast.literal_eval

_FILE = r"(Error in file .*?: )"
_BAD_LINE = re.compile(r"\n\t\[line +(\d+)\]: (.*)")

# The class, its text, and what makes one of the parts of that.
_CONFIGPARSER = [(name, re.compile(pattern, re.DOTALL), make) for name, pattern, make in [
    ("MissingSectionHeaderError",
     r"File contains no section headers\.\nfile: (.*), line: (\d+)\n(.*)", _missing_header),
    ("DuplicateSectionError",
     r"While reading from (.*) \[line +(\d+)\]: section (.*) already exists", _duplicate_section),
    ("DuplicateOptionError",
     r"While reading from (.*) \[line +(\d+)\]: option (.*) in section (.*) already exists", _duplicate_option),
    ("ParsingError", r"Source contains parsing errors: (.*?)((?:\n\t.*)?)", _unparsable),
    ("InterpolationMissingOptionError",
     _FILE + r"Bad value substitution: option (.*) in section (.*) contains an interpolation key (.*) "
     r"which is not a valid option name\. Raw value: (.*)", _bad_name),
    ("InterpolationDepthError",
     _FILE + r"Recursion limit exceeded in value substitution: option (.*) in section (.*) "
     r"contains an interpolation key which cannot be substituted in \d+ steps\. Raw value: (.*)", _too_deep),
    ("InterpolationSyntaxError", _FILE + r"(('%' must be followed by|bad interpolation variable reference) .*)",
     lambda kind, prefix, reason, _: _bad_syntax(kind, prefix, reason)),
]]


def _key_error(kind, text):
    try:
        return kind(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return kind(text)


def _os_error(kind, text):
    """Return the error with its errno, strerror and filename, as far as text has them."""
    match = _OSERROR.fullmatch(text)
    if match is None:
        return kind(text)
    number, reason, filename = match.groups()
    try:
        arguments = (ast.literal_eval(filename),) if filename else ()
    except (ValueError, SyntaxError):
        return kind(text)
    return OSError(int(number), reason, *arguments)


def _unicode_error(text):
    match = _UNICODE_ERROR.fullmatch(text)
    if match is None:
        return ValueError(text)
    codec, byte, start, end, reason = match.groups()
    start = int(start)
    end = int(end) + 1 if end else start + 1
    data = bytes(start) + bytes([int(byte or "0", 16)]) * (end - start)
    return UnicodeDecodeError(codec, data, start, end, reason)
