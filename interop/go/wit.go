package main

import (
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/exp/bundle/witbundle"
	"github.com/spiffe/go-spiffe/v2/exp/svid/witsvid"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

// validateWIT has no `at`: the library takes the clock of the machine.
func validateWIT(params struct {
	Token   string
	Bundles map[string]string
}) (any, error) {
	set := witbundle.NewSet()
	for name, text := range params.Bundles {
		td, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return nil, badParams{err}
		}
		bundle, err := spiffebundle.Parse(td, []byte(text))
		if err != nil {
			return nil, err
		}
		set.Add(bundle.WITBundle())
	}
	svid, err := witsvid.ParseAndValidate(params.Token, set)
	if err != nil {
		return nil, err
	}
	sum, err := fingerprintOfKey(svid.PublicKey)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id":            svid.ID.String(),
		"expiry":        svid.Expiry.Format(time.RFC3339),
		"cnfSpkiSha256": sum,
	}, nil
}
