"""A file as Pasted has parsed it, for whoever looks at a loader's parser."""

import ConfigParser


class Parser(ConfigParser.ConfigParser):
    """Has what PasteDeploy's NicerConfigParser has. What is set in it reaches nobody."""

    def __init__(self, filename, defaults, sections):
        ConfigParser.ConfigParser.__init__(self)
        self.filename = filename
        self._defaults.update(defaults)
        for section, options in sections.items():
            self._sections[section] = dict(options, __name__=section)

    def optionxform(self, option):
        return option

    def defaults(self):
        """Return the defaults with their values interpolated, in a dict of its own."""
        defaults = dict(self._defaults)
        for key, value in defaults.items():
            defaults[key] = self.get("DEFAULT", key) or value
        return defaults

    def _interpolate(self, section, option, rawval, vars):
        try:
            return ConfigParser.ConfigParser._interpolate(self, section, option, rawval, vars)
        except Exception as error:
            message = "Error in file %s: %s" % (self.filename, error)
            error.args = (message,) + error.args[1:]
            error.message = message
            raise
