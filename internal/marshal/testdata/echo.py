# Reads one marshal value from stdin, a list of (data, expression): the data is
# what Go wrote, the expression what it should be, or None. Answers with a list
# of one list each: the value as this Python writes it, in each of its versions;
# or with a str that says what is wrong.
import marshal
import sys


def check(data, expression):
    value = marshal.loads(data)
    if expression is not None:
        want = eval(expression)
        if repr(value) != repr(want) or type(value) is not type(want):
            return u"%r, want %r" % (value, want)
    return [marshal.dumps(value, v) for v in range(marshal.version + 1)]


stdin = getattr(sys.stdin, "buffer", sys.stdin)
stdout = getattr(sys.stdout, "buffer", sys.stdout)
answers = [check(*pair) for pair in marshal.loads(stdin.read())]
stdout.write(marshal.dumps(answers, 0))
