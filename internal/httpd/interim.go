// Package httpd (interim): written by the integrator so that the rest can be
// built; the owner of internal/httpd deletes this file when the real one lands.
package httpd

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"pasted/internal/setting"
	"pasted/paste"
)

type Config struct {
	Listen          []setting.Address
	Threads         int
	Workers         int
	URLScheme       string
	GracefulTimeout time.Duration
	MaxBody         int64
}

type Note struct{ Text string }

func (n Note) String() string { return n.Text }

func ParseServer(ctx *paste.Context) (Config, []Note, error) {
	cfg := Config{URLScheme: "http", GracefulTimeout: 30 * time.Second, MaxBody: 1 << 30}
	var options []setting.Option
	for k, v := range ctx.LocalConf.All() {
		options = append(options, setting.Option{Name: k, Value: v, Line: ctx.LocalConf.Pos(k).Line})
	}
	r := setting.NewReader(ctx.Pos.File, ctx.Section, options)
	cfg.Listen = []setting.Address{{Host: r.Text("host", "127.0.0.1"), Port: r.Int("port", 8080, 0, 65535)}}
	cfg.Threads = r.Int("threads", 0, 0, 1000)
	cfg.Workers = r.Int("workers", 0, 0, 1000)
	return cfg, nil, r.Err()
}

func Listen(cfg Config) ([]net.Listener, error) {
	var ls []net.Listener
	for _, a := range cfg.Listen {
		l, err := net.Listen(a.Network())
		if err != nil {
			return nil, err
		}
		ls = append(ls, l)
	}
	return ls, nil
}

func Serve(ctx context.Context, cfg Config, ls []net.Listener, h http.Handler, log *slog.Logger) error {
	s := &http.Server{Handler: h}
	for _, l := range ls {
		go s.Serve(l)
	}
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.Background(), cfg.GracefulTimeout)
	defer cancel()
	return s.Shutdown(grace)
}
