"""The keys of environs, kept for as long as the process lives.

A request's environ comes with its usual keys interned. Up to Python 3.11 such a
str is forgotten with its last environ and made anew for the next one, which
takes as long as all the rest of reading it.
"""

import sys

KEYS = [sys.intern(key) for key in """
    wsgi.version wsgi.multithread wsgi.multiprocess wsgi.run_once
    wsgi.input_terminated wsgi.url_scheme wsgi.input wsgi.errors
    wsgi.file_wrapper wsgi.early_hints SERVER_SOFTWARE SERVER_NAME SERVER_PORT SERVER_PROTOCOL
    REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING REQUEST_URI RAW_URI REMOTE_ADDR
    REMOTE_HOST
    REMOTE_PORT REMOTE_USER CONTENT_LENGTH CONTENT_TYPE pasted.request_id
    pasted.release pasted.queue_time
    HTTP_ACCEPT HTTP_ACCEPT_CHARSET HTTP_ACCEPT_ENCODING HTTP_ACCEPT_LANGUAGE
    HTTP_AUTHORIZATION HTTP_CACHE_CONTROL HTTP_CONNECTION HTTP_COOKIE HTTP_HOST
    HTTP_IF_MATCH HTTP_IF_MODIFIED_SINCE HTTP_IF_NONE_MATCH HTTP_ORIGIN
    HTTP_RANGE HTTP_REFERER HTTP_SEC_FETCH_DEST HTTP_SEC_FETCH_MODE
    HTTP_SEC_FETCH_SITE HTTP_SEC_FETCH_USER HTTP_USER_AGENT
    HTTP_X_FORWARDED_FOR HTTP_X_FORWARDED_HOST HTTP_X_FORWARDED_PROTO
    HTTP_X_REQUESTED_WITH
""".split()]
