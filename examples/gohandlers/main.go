// Gohandlers serves three Go handlers as a PasteDeploy file composes them:
//
//	go run ./examples/gohandlers examples/gohandlers/site.ini
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"pasted/paste"
	"pasted/paste/eggs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		report(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the application of the file that args names by its server, until
// ctx is done. What there is to say goes to log.
func run(ctx context.Context, args []string, log io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: gohandlers FILE.ini")
	}
	uri, opts := "config:"+args[0], paste.Options{RelativeTo: "."}
	registry := newRegistry(log)
	app, err := paste.LoadApp(uri, registry, opts)
	if err != nil {
		return err
	}
	serve, err := paste.LoadServer(uri, registry, opts)
	if err != nil {
		return err
	}
	return serve(ctx, app)
}

// newRegistry knows what the file's names stand for.
func newRegistry(log io.Writer) *paste.Registry {
	r := new(paste.Registry)
	eggs.Register(r, eggs.Options{AccessLog: log})
	r.SetApp("egg:gohandlers#home", newHome)
	r.SetApp("egg:gohandlers#notes", newNotes)
	r.SetApp("egg:gohandlers#files", newFiles)
	r.SetFilter("egg:gohandlers#headers", newHeaders)
	r.SetFilterApp("egg:gohandlers#limits", newLimits)
	r.SetServer("egg:gohandlers#http", func(global, local *paste.Conf) (paste.ServeFunc, error) {
		return newServer(log, global, local)
	})
	return r
}

// report says what is wrong, and what was probably meant.
func report(w io.Writer, err error) {
	fmt.Fprintln(w, err)
	var e *paste.Error
	if errors.As(err, &e) && e.Hint != "" {
		fmt.Fprintln(w, "hint:", e.Hint)
	}
}
