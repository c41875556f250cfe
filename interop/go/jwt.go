package main

import (
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
)

func validateJWT(params struct {
	Token    string
	TokenB64 []byte
	Audience []string
	Bundles  map[string]string
}) (any, error) {
	set := jwtbundle.NewSet()
	bundles, err := spiffeBundles(params.Bundles)
	if err != nil {
		return nil, err
	}
	for _, bundle := range bundles {
		set.Add(bundle.JWTBundle())
	}
	token := params.Token
	if params.TokenB64 != nil {
		token = string(params.TokenB64)
	}
	svid, err := jwtsvid.ParseAndValidate(token, set, params.Audience)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id":       svid.ID.String(),
		"audience": svid.Audience,
		"expiry":   svid.Expiry.UTC().Format(time.RFC3339),
		"claims":   svid.Claims,
	}, nil
}

func parseJWT(params struct{ Token string }) (any, error) {
	svid, err := jwtsvid.ParseInsecure(params.Token, nil)
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": svid.ID.String(), "audience": svid.Audience, "verified": false}, nil
}
