# Reads a marshal list of expressions (str) from stdin and answers with a list
# of lists: each expression's value as this Python writes it, in each of its
# versions.
import marshal
import sys

shared = ["a", ("b", "c")]
name = sys.intern("interned_name")
pair = ("X-Name", "caf\xe9")
values = [eval(e) for e in marshal.loads(sys.stdin.buffer.read())]
versions = range(marshal.version + 1)
answers = [[marshal.dumps(v, n) for n in versions] for v in values]
sys.stdout.buffer.write(marshal.dumps(answers))
