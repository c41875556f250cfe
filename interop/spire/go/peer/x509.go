package main

import (
	"context"

	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// listX509 tells all identities of this process and their hints, as go-spiffe gives them.
func listX509(ctx context.Context, _ options) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	svids, err := workloadapi.FetchX509SVIDs(ctx)
	if err != nil {
		return err
	}
	list := make([]map[string]string, 0, len(svids))
	for _, svid := range svids {
		list = append(list, map[string]string{"id": svid.ID.String(), "hint": svid.Hint})
	}
	tell(map[string]any{"svids": list})
	return nil
}
