package main

import (
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// identitySource is what servers and clients are made with, and calls ask.
type identitySource interface {
	io.Closer
	x509svid.Source
	x509bundle.Source
	// snapshot describes the source as it is, and tells when it is no longer so.
	snapshot() (map[string]any, <-chan struct{})
}

// identity is what a static source is made of.
type identity struct {
	Cert, Key string
	Bundles   map[string]string
}

// source is an identity that may be replaced: what the library wants from
// whoever does not use the Workload API.
type source struct {
	mu         sync.Mutex
	svid       *x509svid.SVID
	bundles    *x509bundle.Set
	generation int
	// state is what it is without an SVID.
	state     string
	lastError error
	// changed is closed when something is otherwise.
	changed chan struct{}
}

func newSource() source {
	return source{state: "waiting", bundles: x509bundle.NewSet(), changed: make(chan struct{})}
}

// GetX509SVID implements x509svid.Source.
func (s *source) GetX509SVID() (*x509svid.SVID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.svid == nil {
		return nil, errors.New("no X509-SVID yet")
	}
	return s.svid, nil
}

// GetX509BundleForTrustDomain implements x509bundle.Source.
func (s *source) GetX509BundleForTrustDomain(td spiffeid.TrustDomain) (*x509bundle.Bundle, error) {
	s.mu.Lock()
	bundles := s.bundles
	s.mu.Unlock()
	return bundles.GetX509BundleForTrustDomain(td)
}

func (s *source) Close() error { return nil }

func (s *source) set(given identity) error {
	svid, err := x509svid.Parse([]byte(given.Cert), []byte(given.Key))
	if err != nil {
		return err
	}
	bundles := x509bundle.NewSet()
	for name, text := range given.Bundles {
		td, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return err
		}
		bundle, err := x509bundle.Parse(td, []byte(text))
		if err != nil {
			return err
		}
		bundles.Add(bundle)
	}
	s.change(func() { s.replace(svid, bundles) })
	return nil
}

func (s *source) replace(svid *x509svid.SVID, bundles *x509bundle.Set) {
	s.svid, s.bundles, s.state, s.lastError = svid, bundles, "empty", nil
	s.generation++
}

// change does something to the source, and wakes who waits for it.
func (s *source) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *source) snapshot() (map[string]any, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bundles := map[string][]string{}
	for _, bundle := range s.bundles.Bundles() {
		bundles[bundle.TrustDomain().Name()] = sorted(bundle.X509Authorities())
	}
	described := map[string]any{"state": s.state, "bundles": bundles, "generation": s.generation}
	if s.svid != nil {
		chain := fingerprints(s.svid.Certificates)
		described["state"] = "ready"
		described["id"] = s.svid.ID.String()
		described["leafSha256"] = chain[0]
		described["chainSha256"] = chain
	}
	if s.lastError != nil {
		described["lastError"] = problemOf(s.lastError)
	}
	return described, s.changed
}

func sorted(certificates []*x509.Certificate) []string {
	sums := fingerprints(certificates)
	slices.Sort(sums)
	return sums
}

func openSource(params struct {
	Kind string
	identity
	workload
	Options struct{ Pick *pick }
}) (any, error) {
	switch params.Kind {
	case "workloadApi":
		return openWorkloadSource(params.workload, params.Options.Pick)
	case "workloadApiJwt":
		return openJWTSource(params.workload)
	}
	made := newSource()
	if err := made.set(params.identity); err != nil {
		return nil, err
	}
	return map[string]any{"handle": open.add("s", &made)}, nil
}

func getSource(params struct{ Handle string }) (any, error) {
	s, err := get[identitySource](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	snapshot, _ := s.snapshot()
	return snapshot, nil
}

func setSource(params struct {
	Handle string
	identity
}) (any, error) {
	s, err := get[*source](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.set(params.identity)
}

func waitForSource(params struct {
	Handle string
	Until  struct {
		LeafSha256 string
		Bundle     *struct {
			TrustDomain string
			Sha256      []string
		}
		Error bool
		State string
	}
	TimeoutMs int64
}) (any, error) {
	s, err := get[identitySource](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	until := params.Until
	timeout := time.After(time.Duration(params.TimeoutMs) * time.Millisecond)
	for {
		snapshot, changed := s.snapshot()
		switch {
		case until.LeafSha256 != "":
			snapshot["met"] = snapshot["leafSha256"] == until.LeafSha256
		case until.Bundle != nil:
			held := snapshot["bundles"].(map[string][]string)[until.Bundle.TrustDomain]
			slices.Sort(until.Bundle.Sha256)
			snapshot["met"] = slices.Equal(held, until.Bundle.Sha256)
		case until.Error:
			snapshot["met"] = snapshot["lastError"] != nil
		default:
			snapshot["met"] = snapshot["state"] == until.State
		}
		if snapshot["met"] == true {
			return snapshot, nil
		}
		select {
		case <-changed:
		case <-timeout:
			return snapshot, nil
		}
	}
}
