package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
)

// bundleEndpoint says whose bundle is where, and how its server is known.
type bundleEndpoint struct {
	URL, TrustDomain, Profile  string
	WebRoots                   string
	EndpointID, EndpointBundle string
}

// parts has the trust domain, the options for the library, and the bundles by
// which it knows a server of SPIFFE.
func (e bundleEndpoint) parts() (td spiffeid.TrustDomain, o federation.FetchOption, known *x509bundle.Set, err error) {
	known = x509bundle.NewSet()
	if td, err = spiffeid.TrustDomainFromString(e.TrustDomain); err != nil {
		return
	}
	switch e.Profile {
	case "https_web":
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(e.WebRoots))
		return td, federation.WithWebPKIRoots(roots), known, nil
	case "https_spiffe":
		id, err := spiffeid.FromString(e.EndpointID)
		if err != nil {
			return td, nil, nil, err
		}
		bundle, err := x509bundle.Parse(id.TrustDomain(), []byte(e.EndpointBundle))
		if err != nil {
			return td, nil, nil, err
		}
		known.Add(bundle)
		return td, federation.WithSPIFFEAuth(known, id), known, nil
	}
	return td, nil, nil, badParams{errors.New("a profile of another name")}
}

func fetchFederated(params bundleEndpoint) (any, error) {
	td, option, _, err := params.parts()
	if err != nil {
		return nil, err
	}
	return describeBundle(federation.FetchBundle(context.Background(), td, params.URL, option))
}

// follower has what the library's watch of an endpoint told last. The library
// asks it when to look again: when the kit says so.
type follower struct {
	known    *x509bundle.Set
	cancel   context.CancelFunc
	watching sync.WaitGroup
	// refresh has who wants the endpoint to be asked.
	refresh chan chan<- error
	// waits has who wanted it this time. Only the watch looks at it, and at err.
	waits chan<- error
	err   error

	mu      sync.Mutex
	current *spiffebundle.Bundle
}

func watchFederated(params bundleEndpoint) (any, error) {
	td, option, known, err := params.parts()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{known: known, cancel: cancel, refresh: make(chan chan<- error)}
	watcher := watch{follower: f, ctx: ctx}
	f.watching.Go(func() { _ = federation.WatchBundle(ctx, td, params.URL, watcher, option) })
	return map[string]any{"handle": open.add("f", f)}, nil
}

func (f *follower) Close() error {
	f.cancel()
	f.watching.Wait()
	return nil
}

// watch is a follower as the library sees it.
type watch struct {
	*follower
	ctx context.Context
}

// NextRefresh implements federation.BundleWatcher.
func (w watch) NextRefresh(time.Duration) time.Duration {
	if w.waits != nil {
		w.waits <- w.err
	}
	w.waits, w.err = nil, nil
	select {
	case w.waits = <-w.refresh:
	case <-w.ctx.Done():
	}
	return 0
}

// OnUpdate implements federation.BundleWatcher.
func (w watch) OnUpdate(bundle *spiffebundle.Bundle) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = bundle
	// As the library's documentation has it: the next connection uses it.
	w.known.Add(bundle.X509Bundle())
}

// OnError implements federation.BundleWatcher.
func (w watch) OnError(err error) { w.err = err }

func refreshFederated(params struct{ Handle string }) (any, error) {
	f, err := get[*follower](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	f.refresh <- done
	if err := <-done; err != nil {
		return nil, err
	}
	return getFederated(params)
}

func getFederated(params struct{ Handle string }) (any, error) {
	f, err := get[*follower](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil {
		return map[string]any{"x509Sha256": nil}, nil
	}
	return describeBundle(f.current, nil)
}

func serveBundle(params struct{ Source, TrustDomain, JSON string }) (any, error) {
	s, err := get[identitySource](&open, params.Source)
	if err != nil {
		return nil, err
	}
	td, err := spiffeid.TrustDomainFromString(params.TrustDomain)
	if err != nil {
		return nil, err
	}
	bundle, err := spiffebundle.Parse(td, []byte(params.JSON))
	if err != nil {
		return nil, err
	}
	handler, err := federation.NewHandler(td, bundle)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, badParams{err}
	}
	server := &http.Server{Handler: handler, TLSConfig: tlsconfig.TLSServerConfig(s)}
	begin := func() { _ = server.ServeTLS(listener, "", "") }
	return opened{open.add("b", server), listener.Addr().(*net.TCPAddr).Port, begin}, nil
}
