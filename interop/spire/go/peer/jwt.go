package main

import (
	"context"

	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/status"
)

// fetchJWT tells a JWT-SVID for one audience.
func fetchJWT(ctx context.Context, opts options) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	svid, err := workloadapi.FetchJWTSVID(ctx, jwtsvid.Params{Audience: opts.audience})
	if err != nil {
		return err
	}
	tell(map[string]any{"id": svid.ID, "token": svid.Marshal(), "expires": svid.Expiry})
	return nil
}

// validateJWT judges a JWT-SVID by the bundles of the Workload API, in this process.
func validateJWT(ctx context.Context, opts options) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	source, err := workloadapi.NewJWTSource(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	svid, err := jwtsvid.ParseAndValidate(opts.token, source, []string{opts.audience})
	if err != nil {
		return err
	}
	tell(map[string]any{"id": svid.ID, "audience": svid.Audience})
	return nil
}

// askValidateJWT has the agent judge a JWT-SVID, whatever it looks like.
func askValidateJWT(ctx context.Context, opts options) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	svid, err := workloadapi.ValidateJWTSVID(ctx, opts.token, opts.audience)
	if err != nil {
		// Of gRPC: the status alone is asked for.
		tell(map[string]any{"error": err.Error(), "status": status.Code(err).String()})
		return nil
	}
	tell(map[string]any{"id": svid.ID, "audience": svid.Audience})
	return nil
}
