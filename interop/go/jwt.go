package main

import (
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
)

func validateJWT(params struct {
	Token    string
	TokenB64 []byte
	Audience []string
	Bundles  map[string]string
}) (any, error) {
	bundles := spiffebundle.NewSet()
	for name, text := range params.Bundles {
		td, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return nil, err
		}
		bundle, err := spiffebundle.Parse(td, []byte(text))
		if err != nil {
			return nil, err
		}
		bundles.Add(bundle)
	}
	token := params.Token
	if params.TokenB64 != nil {
		token = string(params.TokenB64)
	}
	svid, err := jwtsvid.ParseAndValidate(token, bundles, params.Audience)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id":       svid.ID.String(),
		"audience": svid.Audience,
		"expiry":   svid.Expiry.Format(time.RFC3339),
		"claims":   svid.Claims,
	}, nil
}
