package main

import (
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

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
	// changed is closed when there is another generation.
	changed chan struct{}
}

// GetX509SVID implements x509svid.Source.
func (s *source) GetX509SVID() (*x509svid.SVID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.svid, s.bundles = svid, bundles
	s.generation++
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// snapshot describes the source as it is, and tells when it is no longer so.
func (s *source) snapshot() (map[string]any, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chain := fingerprints(s.svid.Certificates)
	bundles := map[string][]string{}
	for _, bundle := range s.bundles.Bundles() {
		bundles[bundle.TrustDomain().Name()] = sorted(bundle.X509Authorities())
	}
	return map[string]any{
		"state":       "ready",
		"id":          s.svid.ID.String(),
		"leafSha256":  chain[0],
		"chainSha256": chain,
		"bundles":     bundles,
		"generation":  s.generation,
	}, s.changed
}

func sorted(certificates []*x509.Certificate) []string {
	sums := fingerprints(certificates)
	slices.Sort(sums)
	return sums
}

func openSource(params identity) (any, error) {
	made := &source{changed: make(chan struct{})}
	if err := made.set(params); err != nil {
		return nil, err
	}
	return map[string]any{"handle": open.add("s", made)}, nil
}

func getSource(params struct{ Handle string }) (any, error) {
	s, err := get[*source](&open, params.Handle)
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
	s, err := get[*source](&open, params.Handle)
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
		default:
			snapshot["met"] = !until.Error && snapshot["state"] == until.State
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
