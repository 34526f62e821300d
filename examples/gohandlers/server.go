package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"pasted/paste"
)

// newServer makes a server that stops gracefully: once its context is done it
// takes no more connections, and gives the requests there are some time.
func newServer(log io.Writer, global, local *paste.Conf) (paste.ServeFunc, error) {
	o := struct {
		Listen paste.Address `paste:"listen,port=8080"`
		Grace  time.Duration `paste:"grace,max=1m"`
	}{paste.Address{Host: "127.0.0.1", Port: 8080}, 10 * time.Second}
	if err := paste.Decode(&o, global, local); err != nil {
		return nil, err
	}
	return func(ctx context.Context, app http.Handler) error {
		network, address := o.Listen.Network()
		listener, err := new(net.ListenConfig).Listen(ctx, network, address)
		if err != nil {
			return local.Errorf("listen", "%w", err)
		}
		fmt.Fprintf(log, "serving on http://%s\n", listener.Addr())
		server := &http.Server{Handler: app, ReadHeaderTimeout: 10 * time.Second}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		select {
		case err := <-served:
			return err
		case <-ctx.Done():
		}
		stopping, cancel := context.WithTimeout(context.Background(), o.Grace)
		defer cancel()
		err = server.Shutdown(stopping)
		<-served
		return err
	}, nil
}
