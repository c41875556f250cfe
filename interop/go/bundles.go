package main

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"

	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

// document is JSON, in bytes where it is no text.
type document struct {
	TrustDomain string
	JSON        string
	JSONB64     []byte
}

func (d document) bytes() []byte {
	if d.JSONB64 != nil {
		return d.JSONB64
	}
	return []byte(d.JSON)
}

func parseBundle(params document) (any, error) {
	td, err := spiffeid.TrustDomainFromString(params.TrustDomain)
	if err != nil {
		return nil, err
	}
	return describeBundle(spiffebundle.Parse(td, params.bytes()))
}

func describeBundle(bundle *spiffebundle.Bundle, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	keys, err := describeKeys(bundle.JWTAuthorities())
	if err != nil {
		return nil, err
	}
	described := map[string]any{
		"trustDomain": bundle.TrustDomain().Name(),
		"x509Sha256":  sorted(bundle.X509Authorities()),
		"jwt":         keys,
		"sequence":    nil,
		"refreshHint": nil,
	}
	if sequence, ok := bundle.SequenceNumber(); ok {
		described["sequence"] = strconv.FormatUint(sequence, 10)
	}
	if hint, ok := bundle.RefreshHint(); ok {
		described["refreshHint"] = hint.Seconds()
	}
	return described, nil
}

func parseJWKS(params document) (any, error) {
	td, err := spiffeid.TrustDomainFromString(params.TrustDomain)
	if err != nil {
		return nil, err
	}
	bundle, err := jwtbundle.Parse(td, params.bytes())
	if err != nil {
		return nil, err
	}
	keys, err := describeKeys(bundle.JWTAuthorities())
	if err != nil {
		return nil, err
	}
	return map[string]any{"trustDomain": bundle.TrustDomain().Name(), "jwt": keys}, nil
}

func describeKeys(authorities map[string]crypto.PublicKey) ([]map[string]string, error) {
	keys := []map[string]string{}
	for _, kid := range slices.Sorted(maps.Keys(authorities)) {
		sum, err := fingerprintOfKey(authorities[kid])
		if err != nil {
			return nil, badParams{err}
		}
		keys = append(keys, map[string]string{"kid": kid, "spkiSha256": sum})
	}
	return keys, nil
}

func fingerprintOfKey(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// spiffeBundles reads the bundles of a call, by the names of their trust domains.
func spiffeBundles(texts map[string]string) ([]*spiffebundle.Bundle, error) {
	bundles := make([]*spiffebundle.Bundle, 0, len(texts))
	for name, text := range texts {
		td, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return nil, badParams{err}
		}
		bundle, err := spiffebundle.Parse(td, []byte(text))
		if err != nil {
			return nil, err
		}
		bundles = append(bundles, bundle)
	}
	return bundles, nil
}
