"""wsgiref's validator as a filter: what it complains of is an exception, and so a 500."""

from wsgiref.validate import validator


def make_filter(global_conf):
    return validator
