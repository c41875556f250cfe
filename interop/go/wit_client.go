package main

import (
	"context"
	"maps"
	"slices"

	"github.com/spiffe/go-spiffe/v2/exp/svid/witsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// fetchWIT tells no algorithms of keys: the library gives the keys alone.
func fetchWIT(params struct {
	workload
	ID string
}) (any, error) {
	fetched, err := workloadapi.FetchWITSVIDs(context.Background(), params.ID, params.options()...)
	if err != nil {
		return nil, err
	}
	svids := []map[string]string{}
	for _, svid := range fetched {
		sum, err := fingerprintOfKey(svid.PublicKey)
		if err != nil {
			return nil, err
		}
		svids = append(svids, map[string]string{"id": svid.ID.String(), "hint": svid.Hint, "spkiSha256": sum})
	}
	return map[string]any{"svids": svids}, nil
}

func fetchWITBundles(params workload) (any, error) {
	set, err := workloadapi.FetchWITBundles(context.Background(), params.options()...)
	if err != nil {
		return nil, err
	}
	bundles := map[string][]string{}
	for _, bundle := range set.Bundles() {
		bundles[bundle.TrustDomain().Name()] = slices.Sorted(maps.Keys(bundle.WITAuthorities()))
	}
	return map[string]any{"bundles": bundles}, nil
}

// watchWIT ends when the library ends its watch.
func watchWIT(params workload) (any, error) {
	client, err := workloadapi.New(context.Background(), params.options()...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := client.WatchWITSVIDs(context.Background(), ignore{}, ""); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

// ignore is a watcher for who wants to know no more than when a watch ends.
type ignore struct{}

// OnWITSVIDsUpdate implements workloadapi.WITSVIDWatcher.
func (ignore) OnWITSVIDsUpdate([]*witsvid.SVID) {}

// OnWITSVIDsWatchError implements workloadapi.WITSVIDWatcher.
func (ignore) OnWITSVIDsWatchError(error) {}
