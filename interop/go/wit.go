package main

import (
	"time"

	"github.com/spiffe/go-spiffe/v2/exp/bundle/witbundle"
	"github.com/spiffe/go-spiffe/v2/exp/svid/witsvid"
)

// validateWIT has no `at`: the library takes the clock of the machine.
func validateWIT(params struct {
	Token   string
	Bundles map[string]string
}) (any, error) {
	set := witbundle.NewSet()
	bundles, err := spiffeBundles(params.Bundles)
	if err != nil {
		return nil, err
	}
	for _, bundle := range bundles {
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
