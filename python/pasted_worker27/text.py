"""Native strings, which are bytes here, as Pasted takes them: as Unicode."""


def utf8(text):
    """Return text, a str or a unicode, as bytes that are UTF-8."""
    if isinstance(text, unicode):
        return text.encode("utf-8")
    try:
        text.decode("utf-8")
        return text
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace").encode("utf-8")


def plain(value):
    """Return value with its strs, those in containers too, as unicode."""
    if isinstance(value, str):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return dict((plain(k), plain(v)) for k, v in value.items())
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value
