package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/metrics"
	"github.com/novacron/dwcpc/go_harness/registry"
)

// run serves until ctx is done or a signal comes. It calls ready with the address as soon as it listens.
func run(ctx context.Context, c config, logger *slog.Logger, ready func(address string)) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var opts []dwcpc.Option
	if c.library != "" {
		opts = append(opts, dwcpc.WithLibrary(c.library))
	}
	rt, err := dwcpc.Open(opts...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	gatherer := prometheus.NewRegistry()
	gatherer.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	counts, err := metrics.New(gatherer)
	if err != nil {
		return err
	}
	models, err := registry.Open(rt, c.registry, registry.Watch(), registry.WithInterval(c.interval), registry.WithLogger(logger), registry.WithObserver(counts))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, models.Close()) }() // after the last request, before the runtime
	handles, err := load(models, c.models)
	if err != nil {
		return err
	}
	s := &server{handles: handles, registry: models, gatherer: gatherer, config: c, logger: logger}
	return s.listen(ctx, stop, ready)
}

// load loads every model before the first request: a request for another name does not reach the disk.
func load(models *registry.Registry, names []string) (map[string]*registry.Model, error) {
	if len(names) == 0 {
		var err error
		if names, err = models.Names(); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		return nil, errors.New("serve: the registry has no model, expected at least one; publish one with dwcpc publish")
	}
	handles := map[string]*registry.Model{}
	for _, name := range names {
		handle, err := models.GetLatest(name)
		if err != nil {
			return nil, err
		}
		handles[name] = handle
	}
	return handles, nil
}

// Limits on how long one connection may take: without them, whoever sends nothing holds it for ever.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 20 * time.Second
	idleTimeout   = time.Minute
)

// listen serves until ctx is done, and then until what has begun is answered. A second signal ends the process at once.
func (s *server) listen(ctx context.Context, stop func(), ready func(address string)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.config.listen)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	web := &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	s.logger.Info("serve listens", "address", listener.Addr().String(), "models", len(s.handles))
	ready(listener.Addr().String())
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stop()
	s.draining.Store(true)
	s.logger.Info("serve drains")
	patience, cancel := context.WithTimeout(context.Background(), s.config.drainTimeout)
	defer cancel()
	if err := web.Shutdown(patience); err != nil {
		return errors.Join(fmt.Errorf("serve: requests were cut off after %v: %w", s.config.drainTimeout, err), web.Close())
	}
	return nil
}
