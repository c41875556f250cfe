package main

import (
	"context"
	"maps"
	"sync"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// workload says where the Workload API is. Without an address the library
// looks into the environment.
type workload struct{ Address string }

func (w workload) options() []workloadapi.ClientOption {
	if w.Address == "" {
		return nil
	}
	return []workloadapi.ClientOption{workloadapi.WithAddr(w.Address)}
}

// pick says which of several SVIDs to use.
type pick struct{ Hint string }

func (p *pick) from(x *workloadapi.X509Context) *x509svid.SVID {
	if p == nil {
		return x.DefaultSVID()
	}
	for _, svid := range x.SVIDs {
		if svid.Hint == p.Hint {
			return svid
		}
	}
	return nil
}

// workloadSource has what the library's watch of a Workload API told last. The
// library's own X509Source is such a watcher too, and tells neither errors nor
// the trust domains that it has bundles of.
type workloadSource struct {
	source
	handle   string
	pick     *pick
	client   *workloadapi.Client
	starting sync.Mutex
	ctx      context.Context
	cancel   context.CancelFunc
	watching sync.WaitGroup
}

func openWorkloadSource(params workload, pick *pick) (any, error) {
	ctx, cancel := context.WithCancel(context.Background())
	client, err := workloadapi.New(ctx, params.options()...)
	if err != nil {
		cancel()
		return nil, err
	}
	w := &workloadSource{source: newSource(), pick: pick, client: client, ctx: ctx, cancel: cancel}
	w.handle = open.add("s", w)
	return opened{Handle: w.handle, begin: w.begin}, nil
}

func (w *workloadSource) begin() {
	w.starting.Lock()
	defer w.starting.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	w.watching.Go(func() {
		_ = w.client.WatchX509Context(w.ctx, w) // It told the error that it ended with.
		w.change(func() { w.state = "failed" })
	})
}

// OnX509ContextUpdate implements workloadapi.X509ContextWatcher.
func (w *workloadSource) OnX509ContextUpdate(x *workloadapi.X509Context) {
	w.change(func() { w.replace(w.pick.from(x), x.Bundles) })
	snapshot, _ := w.snapshot()
	open.tell("source.update", w.handle, snapshot)
}

// OnX509ContextWatchError implements workloadapi.X509ContextWatcher.
func (w *workloadSource) OnX509ContextWatchError(err error) {
	w.change(func() { w.lastError = err })
	open.tell("source.error", w.handle, problemOf(err))
}

func (w *workloadSource) Close() error {
	w.starting.Lock()
	w.cancel()
	w.starting.Unlock()
	w.watching.Wait()
	return w.client.Close()
}

func openJWTSource(params workload) (any, error) {
	options := workloadapi.WithClientOptions(params.options()...)
	made, err := workloadapi.NewJWTSource(context.Background(), options)
	if err != nil {
		return nil, err
	}
	return map[string]any{"handle": open.add("j", made)}, nil
}

// tokenRequest says whose token is wanted, and for whom.
type tokenRequest struct {
	Audience []string
	ID       string
}

func (r tokenRequest) params() (params jwtsvid.Params, err error) {
	params = jwtsvid.Params{Audience: r.Audience[0], ExtraAudiences: r.Audience[1:]}
	if r.ID != "" {
		params.Subject, err = spiffeid.FromString(r.ID)
	}
	return params, err
}

func describeToken(svid *jwtsvid.SVID, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": svid.ID.String(), "token": svid.Marshal()}, nil
}

func fetchJWTOfSource(params struct {
	Handle string
	tokenRequest
}) (any, error) {
	source, err := get[*workloadapi.JWTSource](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	wanted, err := params.params()
	if err != nil {
		return nil, err
	}
	return describeToken(source.FetchJWTSVID(context.Background(), wanted))
}

func validateJWTOfSource(params struct{ Handle, Token, Audience string }) (any, error) {
	source, err := get[*workloadapi.JWTSource](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	svid, err := jwtsvid.ParseAndValidate(params.Token, source, []string{params.Audience})
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": svid.ID.String()}, nil
}

func fetchX509Bundles(params workload) (any, error) {
	set, err := workloadapi.FetchX509Bundles(context.Background(), params.options()...)
	if err != nil {
		return nil, err
	}
	bundles := map[string][]string{}
	for _, bundle := range set.Bundles() {
		bundles[bundle.TrustDomain().Name()] = sorted(bundle.X509Authorities())
	}
	return map[string]any{"bundles": bundles}, nil
}

func fetchJWT(params struct {
	workload
	tokenRequest
}) (any, error) {
	wanted, err := params.params()
	if err != nil {
		return nil, err
	}
	return describeToken(workloadapi.FetchJWTSVID(context.Background(), wanted, params.options()...))
}

func validateJWTByAgent(params struct {
	workload
	Token, Audience string
}) (any, error) {
	svid, err := workloadapi.ValidateJWTSVID(
		context.Background(), params.Token, params.Audience, params.options()...)
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": svid.ID.String(), "claims": maps.Clone(svid.Claims), "delegated": true}, nil
}
