"""What the real library gives for the cases in rules/ and in internal/ini.

    python pastedeploy.py [-w] CASE.txtar...

compares, or with -w writes, the outcomes of rules/; those of the INI layer,
where ours say more, are compared only, without line numbers and our own words.
PasteDeploy (3.1.0 wrote what is there, on Python 3.11) must be installed. The
exit code is 1 if something differs. The form of a case is told in
rules_test.go.
"""
import ast
import configparser
import difflib
import os
import re
import shutil
import sys
import tempfile
import types

from paste.deploy import loadwsgi

KINDS = {'app': loadwsgi.APP, 'filter': loadwsgi.FILTER, 'server': loadwsgi.SERVER}
ENTRY_POINTS = {
    'Rig': {
        'paste.app_factory': ['main', 'app', 'both', 'boom'],
        'paste.composite_factory': ['map', 'deaf', 'both', 'pair'],
        'paste.composit_factory': ['oldmap', 'pair'],
        'paste.filter_factory': ['main', 'filter', 'pairf'],
        'paste.filter_app_factory': ['late', 'pairf'],
        'paste.server_factory': ['main', 'server', 'pairs'],
        'paste.server_runner': ['runner', 'pairs'],
    },
    'Dotted.Egg_Two': {'paste.app_factory': ['main']},
    'Bare': {},
}


class Thing:
    """An object of the package rig, and each of its attributes."""

    def __init__(self, spec):
        self.spec = spec

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return Thing(self.spec + '.' + name)

    def __call__(self, *args, **kw):
        raise AssertionError('called outside a context')


class Finder:
    """Makes rig and whatever is imported from it."""

    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == 'rig':
            from importlib.machinery import ModuleSpec
            return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda attr: Thing(spec.name + ':' + attr)
        return module

    def exec_module(self, module):
        pass


calls = []


class Context(loadwsgi.LoaderContext):
    """A context whose object writes down how it is called."""

    def __init__(self, obj, *args, **kw):
        super().__init__(obj, *args, **kw)
        self.spec = None
        if obj is not None:
            self.spec = obj.spec if isinstance(obj, Thing) else 'module ' + obj.__name__
            self.object = self.called

    def called(self, *args, **kw):
        args = list(args)
        name = re.split('[.:]', self.spec)[-1]
        note = 'call ' + self.spec
        if self.protocol in ('paste.filter_app_factory', 'paste.server_runner'):
            note += ' on ' + args.pop(0)
        loader = args.pop(0) if self.protocol in ('paste.composite_factory', 'paste.composit_factory') else None
        calls.append('%s %r %r' % (note, args[0], kw))
        own = kw.get('tag', name)
        if name == 'boom':
            raise ValueError(kw.get('text', 'boom'))
        if loader is not None:
            passed = {} if name == 'deaf' else {'global_conf': args[0]}
            return own + '[' + ', '.join(loader.get_app(child, **passed) for child in kw.values()) + ']'
        if self.protocol in ('paste.filter_factory', 'paste.server_factory'):
            return lambda app: own + '(' + app + ')'
        if note.find(' on ') > 0:
            return own + '(' + note.partition(' on ')[2] + ')'
        return own


def loader_name(loader):
    kinds = ((loadwsgi.ConfigLoader, 'config:', 'filename'), (loadwsgi.EggLoader, 'egg:', 'spec'),
             (loadwsgi.FuncLoader, 'call:', 'spec'))
    return [scheme + getattr(loader, name) for cls, scheme, name in kinds if isinstance(loader, cls)][0]


def described(ctx, indent='', role=''):
    egg = ''
    if ctx.entry_point_name is not None:
        egg = ' (%s of %s)' % (ctx.entry_point_name, ctx.distribution.metadata['Name'])
    lines = ['%s%s%s %s %s%s, loader %s' % (indent, role, ctx.object_type.name, ctx.protocol or '-',
                                           ctx.spec or '-', egg, loader_name(ctx.loader)),
             '%s  global %r' % (indent, ctx.global_conf), '%s  local %r' % (indent, ctx.local_conf)]
    for inner in getattr(ctx, 'filter_contexts', []):
        lines += described(inner, indent + '  ', 'filter: ')
    for name in ('app', 'filter', 'next'):
        if hasattr(ctx, name + '_context'):
            lines += described(getattr(ctx, name + '_context'), indent + '  ', name + ': ')
    return lines


def told(exc):
    cls = type(exc)
    name = cls.__qualname__
    if cls.__module__ != 'builtins':
        name = cls.__module__ + '.' + name
    text = 'maximum recursion depth exceeded' if isinstance(exc, RecursionError) else str(exc)
    return ['! %s: %s' % (name, text.replace('\n', '\n  '))]


def run(line, directory):
    words = [w.replace('"', '') for w in re.findall(r'(?:[^\s"]|"[^"]*")+', line)]
    verb = 'context'
    if words[0] in ('create', 'appconfig', 'child'):
        verb = words.pop(0)
    kind = 'app' if verb == 'appconfig' else words.pop(0)
    uri, options = words[0], {'relative_to': directory}
    child = words.pop(1) if verb == 'child' else None
    conf = None
    for word in words[1:]:
        name, _, value = word.partition('=')
        value = value.replace('/dir', directory)
        if name in ('name', 'from'):
            options[{'name': 'name', 'from': 'relative_to'}[name]] = value
        else:
            conf = dict(conf or {}, **{name: value})
    uri = uri.replace('/dir', directory)
    calls.clear()
    try:
        if verb == 'appconfig':
            config = loadwsgi.appconfig(uri, global_conf=conf, **options)
            return ['config %r' % dict(config)]
        if verb == 'child':
            ctx = loadwsgi.loadcontext(loadwsgi.APP, uri, relative_to=directory)
            ctx = ctx.loader.get_context(KINDS[kind], child, conf)
        elif uri.startswith('open:'):
            loader = loadwsgi.ConfigLoader(directory + '/' + uri[5:])
            ctx = loader.get_context(KINDS[kind], options.get('name'), conf)
        else:
            ctx = loadwsgi.loadcontext(KINDS[kind], uri, global_conf=conf, **options)
        if verb != 'create':
            return described(ctx)
        made = ctx.create()
        made = made if kind == 'app' else made('probe')
        return calls + ['gives %s' % made]
    except Exception as exc:
        return calls + told(exc)


def outcome(parts):
    """What the calls of a case give."""
    directory = os.path.realpath(tempfile.mkdtemp())
    try:
        for name, text in parts:
            if name in ('', 'calls', 'want'):
                continue
            name, _, target = name.partition(' -> ')
            path = os.path.join(directory, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if target:
                os.symlink(target, path)
            else:
                with open(path, 'w', encoding='utf-8', newline='') as f:
                    f.write(text)
        os.chdir(directory)
        lines = []
        for line in dict(parts)['calls'].splitlines():
            lines += ['# ' + line] + run(line, directory)
        return '\n'.join(lines).replace(directory, '/dir') + '\n'
    finally:
        os.chdir('/')
        shutil.rmtree(directory)


def parsed(data):
    """What the INI layer says of a file, the lines that ours has too."""
    directory = tempfile.mkdtemp()
    path = os.path.join(directory, 'input.ini')
    with open(path, 'wb') as f:
        f.write(data)
    os.chdir(directory)
    try:
        try:
            with open('input.ini') as f:
                parser = loadwsgi.NicerConfigParser('input.ini')
                parser.optionxform = str
                parser._defaults['here'] = '/dir'
                parser.read_file(f)
        except Exception as exc:
            return [parse_error(exc)]
        lines = []
        for name in ['DEFAULT'] + parser.sections():
            lines.append('[%s]' % name)
            own = parser._defaults if name == 'DEFAULT' else parser._sections[name]
            for key, raw in own.items():
                lines.append('%r = %s' % (key, raw))
                try:
                    value = parser.get(name, key)
                except Exception as exc:
                    lines.append('  ' + parse_error(exc))
                else:
                    if value != raw:
                        lines.append('  is %s' % value)
        return lines
    finally:
        os.chdir('/')
        shutil.rmtree(directory)


def parse_error(exc):
    cls = type(exc)
    prefix = 'configparser.' if isinstance(exc, configparser.Error) else ''
    return '%s%s: %s' % (prefix, cls.__name__, exc)


def without_ours(want):
    """The lines of a case of the INI layer that the library has as well."""
    lines = []
    for line in want.splitlines():
        if re.match(r'\s*(input\.ini:|hint: )', line):
            continue
        m = re.match(r'(\s*)(.*?)((?: = |is |: )?)("(?:[^"\\]|\\.)*")$', line)
        if m:
            line = m[1] + m[2] + m[3] + go_string(m[4])
        lines.append(re.sub(r"^(\d+(,\d+)*|-) (?=['\"\[])", '', line))
    return lines


def go_string(text):
    return ast.literal_eval(text)


def read(path):
    """The parts of a case by name, in order; the text at the top is ''."""
    parts = [['', '']]
    with open(path, encoding='utf-8', newline='') as f:
        for line in f.read().split('\n'):
            m = re.fullmatch('-- (.*) --', line)
            if m:
                parts.append([m[1], ''])
            else:
                parts[-1][1] += line + '\n'
    parts[-1][1] = parts[-1][1][:-1]
    return parts


def check(path, write):
    parts = read(path)
    by_name = dict(parts)
    if 'calls' in by_name:
        got, want = outcome(parts), by_name.get('want', '')
        if write:
            text = ''.join(('-- %s --\n' % name if name else '') + text for name, text in parts if name != 'want')
            with open(path, 'w', encoding='utf-8', newline='') as f:
                f.write(text + '-- want --\n' + got)
            return True
        got, want = got.split('\n'), want.split('\n')
    else:
        data = by_name.get('input.ini', '').encode()
        if 'input.quoted' in by_name:
            data = b''.join(quoted(line) for line in by_name['input.quoted'].splitlines())
        got, want = '\n'.join(parsed(data)).split('\n'), '\n'.join(without_ours(by_name['want'])).split('\n')
    if got == want:
        return True
    print('\n'.join([path] + list(difflib.unified_diff(want, got, 'case', 'library', lineterm=''))))
    return False


def quoted(line):
    """A string of Go: \\x is a byte, all else is UTF-8."""
    text = re.sub(r'\\u([0-9a-f]{4})', lambda m: chr(int(m[1], 16)), line.strip())
    return ast.literal_eval('b' + ''.join(c if c < '\x7f' else ''.join('\\x%02x' % b for b in c.encode()) for c in text))


def install():
    """Puts the distributions of ENTRY_POINTS where importlib.metadata finds them."""
    directory = tempfile.mkdtemp()
    for name, groups in ENTRY_POINTS.items():
        info = os.path.join(directory, name + '-1.0.dist-info')
        os.mkdir(info)
        with open(os.path.join(info, 'METADATA'), 'w') as f:
            f.write('Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n' % name)
        with open(os.path.join(info, 'entry_points.txt'), 'w') as f:
            for group, names in groups.items():
                f.write('[%s]\n' % group)
                for entry in names:
                    f.write('%s = rig.%s : make.%s [extra]\n' % (entry, group[6:], entry))
    sys.path.insert(0, directory)
    sys.meta_path.insert(0, Finder())
    return directory


def main(args):
    write = args[:1] == ['-w']
    installed = install()
    loadwsgi.LoaderContext = Context
    paths = [os.path.abspath(path) for path in args[write:]]
    try:
        same = [check(path, write) for path in paths]
    finally:
        shutil.rmtree(installed)
    print('%d cases, %d differ' % (len(same), same.count(False)))
    return 0 if all(same) else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
