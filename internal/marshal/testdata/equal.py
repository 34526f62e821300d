# Python 2.7 reads one marshal value from stdin, a list of (data, expression), and
# prints what of the data is not what the expression says.
import marshal
import sys

for data, expression in marshal.loads(sys.stdin.read()):
    value = marshal.loads(data)
    if value != eval(expression) or repr(type(value)) != repr(type(eval(expression))):
        print "%r, want %s" % (value, expression)
