"""A file as Pasted has parsed it, for whoever looks at a loader's parser."""

import configparser


class Parser(configparser.ConfigParser):
    """Has what PasteDeploy's NicerConfigParser has. What is set in it reaches nobody."""

    def __init__(self, filename, defaults, sections):
        super().__init__(interpolation=None)
        self.filename = filename
        self.optionxform = str
        # Without interpolation: with it, setting refuses what a file may hold.
        self.read_dict({self.default_section: defaults})
        self.read_dict(sections)
        self._interpolation = _Interpolation()

    def defaults(self):
        """Return the defaults with their values interpolated, in a dict of its own."""
        defaults = dict(super().defaults())
        for key, value in defaults.items():
            defaults[key] = self.get(self.default_section, key) or value
        return defaults


class _Interpolation(configparser.BasicInterpolation):
    def before_get(self, parser, section, option, value, defaults):
        try:
            return super().before_get(parser, section, option, value, defaults)
        except Exception as error:
            message = "Error in file %s: %s" % (parser.filename, error)
            error.args = (message,) + error.args[1:]
            error.message = message
            raise
