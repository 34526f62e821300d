package paste_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"pasted/paste"
)

// file stands for a file /etc/site.ini of that text.
func file(text string) paste.Options {
	return paste.Options{
		RelativeTo: "/etc",
		ReadFile: func(name string) ([]byte, error) {
			if name != "/etc/site.ini" {
				return os.ReadFile(name)
			}
			return []byte(text), nil
		},
	}
}

// get asks app for a path, and prints the answer.
func get(app http.Handler, path string) {
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	fmt.Println(path, w.Code, strings.TrimSpace(w.Body.String()))
}

// newGreeter is an AppFactory.
func newGreeter(global, local *paste.Conf) (http.Handler, error) {
	o := struct {
		Greeting string `paste:"greeting"`
		Site     string `paste:"site,global"`
	}{Greeting: "Hello"}
	if err := paste.Decode(&o, global, local); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s from %s", o.Greeting, o.Site)
	}), nil
}

func ExampleLoadApp() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#greeter", newGreeter)

	app, err := paste.LoadApp("config:site.ini", registry, file(`
[DEFAULT]
site = example.org

[app:main]
use = egg:Shop#greeter
greeting = Good morning
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	get(app, "/")
	// Output: / 200 Good morning from example.org
}

// A composite mounts applications by path: each option of its section is one.
func ExampleRegistry_SetComposite() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#greeter", newGreeter)
	registry.SetComposite("egg:Shop#mounts", func(loader *paste.CompositeLoader, global, local *paste.Conf) (http.Handler, error) {
		mux := http.NewServeMux()
		for path, name := range local.All() {
			app, err := loader.App(name, global)
			if err != nil {
				return nil, err
			}
			mux.Handle(path, app)
		}
		return mux, nil
	})

	app, err := paste.LoadApp("config:site.ini", registry, file(`
[composite:main]
use = egg:Shop#mounts
set site = the composite
/ = home
/help/ = help

[app:home]
use = egg:Shop#greeter

[app:help]
use = home
greeting = Help
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	get(app, "/")
	get(app, "/help/me")
	// Output:
	// / 200 Hello from the composite
	// /help/me 200 Help from the composite
}

// A filter is a function that wraps handlers, as most Go middleware is.
func ExampleRegistry_SetFilter() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#greeter", newGreeter)
	registry.SetFilter("egg:Shop#strip", func(global, local *paste.Conf) (func(http.Handler) http.Handler, error) {
		var o struct {
			Prefix string `paste:"prefix,required"`
		}
		if err := paste.Decode(&o, global, local); err != nil {
			return nil, err
		}
		return func(next http.Handler) http.Handler { return http.StripPrefix(o.Prefix, next) }, nil
	})

	app, err := paste.LoadApp("config:site.ini", registry, file(`
[pipeline:main]
pipeline = strip greeter

[filter:strip]
use = egg:Shop#strip
prefix = /shop

[app:greeter]
use = egg:Shop#greeter
site = the shop
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	get(app, "/shop/x")
	get(app, "/x")
	// Output:
	// /shop/x 200 Hello from the shop
	// /x 404 404 page not found
}

// A filter-app section is a filter with the application that it filters.
func ExampleRegistry_SetFilterApp() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#greeter", newGreeter)
	registry.SetFilterApp("egg:Shop#timeout", func(next http.Handler, global, local *paste.Conf) (http.Handler, error) {
		o := struct {
			After time.Duration `paste:"after,min=10ms"`
		}{After: time.Minute}
		if err := paste.Decode(&o, global, local); err != nil {
			return nil, err
		}
		return http.TimeoutHandler(next, o.After, "too slow"), nil
	})

	app, err := paste.LoadApp("config:site.ini", registry, file(`
[filter-app:main]
use = egg:Shop#timeout
after = 2s
next = greeter

[app:greeter]
use = egg:Shop#greeter
site = filtered
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	get(app, "/")
	// Output: / 200 Hello from filtered
}

func ExampleLoadServer() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#greeter", newGreeter)
	registry.SetServer("egg:Shop#http", func(global, local *paste.Conf) (paste.ServeFunc, error) {
		var o struct {
			Listen paste.Address `paste:"listen,required,port=80"`
		}
		if err := paste.Decode(&o, global, local); err != nil {
			return nil, err
		}
		return func(ctx context.Context, app http.Handler) error {
			fmt.Println("would serve on", o.Listen)
			get(app, "/")
			return nil
		}, nil
	})

	opts := file(`
[server:main]
use = egg:Shop#http
listen = localhost

[app:main]
use = egg:Shop#greeter
site = here
`)
	app, err := paste.LoadApp("config:site.ini", registry, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	serve, err := paste.LoadServer("config:site.ini", registry, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := serve(context.Background(), app); err != nil {
		fmt.Println(err)
	}
	// Output:
	// would serve on localhost:80
	// / 200 Hello from here
}

func ExampleLoadFilter() {
	registry := new(paste.Registry)
	registry.SetFilter("egg:Shop#shout", func(_, _ *paste.Conf) (func(http.Handler) http.Handler, error) {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r)
				_, _ = io.WriteString(w, "!")
			})
		}, nil
	})

	filter, err := paste.LoadFilter("egg:Shop#shout", registry, paste.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := filter(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	get(app, "/")
	// Output: / 200 hello!
}

// Scripts beside an application read its options without building it.
func ExampleConfig() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#greeter", newGreeter)

	config, err := paste.Config("config:site.ini#shop", registry, file(`
[DEFAULT]
site = example.org

[app:shop]
use = egg:Shop#greeter
greeting = Welcome
database = %(here)s/shop.db
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	database, _ := config.Get("database")
	fmt.Println(database, "of", config.Pos("database"))
	for key, value := range config.All() {
		fmt.Println(key, "=", value)
	}
	fmt.Println("its own:", config.LocalConf.Keys())
	// Output:
	// /etc/shop.db of /etc/site.ini:8
	// here = /etc
	// __file__ = /etc/site.ini
	// site = example.org
	// greeting = Welcome
	// database = /etc/shop.db
	// its own: [greeting database]
}

// A Context is what the file says, with nothing built.
func ExampleResolve() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#greeter", newGreeter)
	registry.SetFilterApp("egg:Shop#gzip", nil)

	opts := file(`
[pipeline:main]
pipeline = gzip greeter

[filter:gzip]
use = egg:Shop#gzip

[app:greeter]
use = egg:Shop#greeter
greeting = Hi
`)
	opts.EntryPoints = registry
	ctx, err := paste.Resolve(paste.AppKind, "config:site.ini", opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ctx.Type, ctx.Section, ctx.Pos)
	for _, filter := range ctx.Filters {
		fmt.Println(filter.Type, filter.Object, filter.Protocol)
	}
	greeting, _ := ctx.App.LocalConf.Get("greeting")
	fmt.Println(ctx.App.Type, ctx.App.Object, greeting)
	// Output:
	// pipeline pipeline:main /etc/site.ini:2
	// filter egg:Shop#gzip paste.filter_app_factory
	// application egg:Shop#greeter Hi
}

// Everything that is wrong with a section's options is told at once.
func ExampleDecode() {
	type options struct {
		Title    string          `paste:"title,required"`
		Timeout  time.Duration   `paste:"timeout,min=1s,max=1h"`
		MaxBody  paste.Size      `paste:"max_body"`
		Listen   []paste.Address `paste:"listen,port=8080"`
		Level    string          `paste:"level,oneof=debug info warn"`
		Password string          `paste:"password"`
	}
	decode := func(text string) {
		config, err := paste.Config("config:site.ini", nil, file(text))
		if err != nil {
			fmt.Println(err)
			return
		}
		o := options{Timeout: 30 * time.Second, Level: "info"}
		if err := paste.Decode(&o, config.GlobalConf, config.LocalConf); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(o.Title, o.Timeout, int64(o.MaxBody), o.Listen, o.Level)
	}

	decode(`
[app:main]
paste.app_factory = shop:app
title = Shop
max_body = 64k
listen = localhost :9090
`)
	decode(`
[app:main]
paste.app_factory = shop:app
timeout = 2h
level = inof
passwrod = hunter2
`)
	// Output:
	// Shop 30s 65536 [localhost:8080 *:9090] info
	// /etc/site.ini:2: [app:main] no title: want a value
	// /etc/site.ini:4: [app:main] timeout = "2h": want seconds, or a duration such as 30s, 5m or 1h30m from 1s to 1h
	// /etc/site.ini:5: [app:main] level = "inof": want debug, info or warn: did you mean "info"?
	// /etc/site.ini:6: [app:main] passwrod = …: unknown option: did you mean "password"?
}

// An Error knows its place, what was probably meant, and what PasteDeploy says.
func ExampleError() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#greeter", newGreeter)

	_, err := paste.LoadApp("config:site.ini", registry, file(`
[pipeline:main]
pipeline = greter

[app:greeter]
use = egg:Shop#greeter
`))
	var e *paste.Error
	if errors.As(err, &e) {
		fmt.Println(e)
		fmt.Println("hint:", e.Hint)
		fmt.Println(e.Class)
		fmt.Println(e.Pos.Line, e.Section)
	}
	// Output:
	// /etc/site.ini:3: [pipeline:main] pipeline = "greter": want a section [app:greter], [composite:greter], [pipeline:greter] or [filter-app:greter]
	// hint: did you mean "greeter", [app:greeter]?
	// LookupError
	// 3 pipeline:main
}

// An option may be right by itself and wrong beside another.
func ExampleConf_Errorf() {
	registry := new(paste.Registry)
	registry.SetApp("egg:Shop#cart", func(global, local *paste.Conf) (http.Handler, error) {
		var o struct {
			Least int `paste:"least"`
			Most  int `paste:"most"`
		}
		if err := paste.Decode(&o, global, local); err != nil {
			return nil, err
		}
		if o.Least > o.Most {
			return nil, local.Errorf("least", "want at most %d, as most says", o.Most)
		}
		return http.NotFoundHandler(), nil
	})
	_, err := paste.LoadApp("config:site.ini", registry, file("[app:main]\nuse = egg:Shop#cart\nleast = 5\nmost = 3\n"))
	fmt.Println(err)
	// Output: /etc/site.ini:3: [app:main] least = "5": want at most 3, as most says
}
