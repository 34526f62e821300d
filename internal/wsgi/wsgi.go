// Package wsgi stands between HTTP and PEP 3333: it makes the environ of a
// request, in marshal's format, and reads the head of a worker's answer. It
// knows both vocabularies and nothing of queues, processes or sockets.
package wsgi
