package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// operation answers a call with what the library says: a value, or the
// library's own error.
type operation func(params json.RawMessage) (any, error)

// badParams says that the kit and this adapter disagree about an operation,
// which is never a verdict.
type badParams struct{ error }

// operations has every operation of the protocol that go-spiffe has.
var operations map[string]operation

// lifecycle has the operations that are none of the library's.
var lifecycle map[string]operation

func init() {
	lifecycle = map[string]operation{
		"hello": with(hello),
		"bye":   with(closeAll),
		"reset": with(closeAll),
	}
	operations = map[string]operation{
		"id.parse":             with(parseID),
		"id.build":             with(buildID),
		"id.equal":             with(equalIDs),
		"id.match":             with(matchID),
		"td.parse":             with(parseTrustDomain),
		"svid.parsePem":        with(parseSVIDPEM),
		"svid.parseDer":        with(parseSVIDDER),
		"bundle.parsePem":      with(parseBundlePEM),
		"bundle.parse":         with(parseBundle),
		"jwks.parse":           with(parseJWKS),
		"x509.verify":          with(verify),
		"jwt.validate":         with(validateJWT),
		"jwt.parse":            with(parseJWT),
		"wit.validate":         with(validateWIT),
		"endpoint.parse":       with(parseEndpoint),
		"source.open":          with(openSource),
		"source.get":           with(getSource),
		"source.wait":          with(waitForSource),
		"source.set":           with(setSource),
		"source.close":         with(closeHandle),
		"server.start":         with(startServer),
		"server.stop":          with(stopServer),
		"client.connect":       with(connect),
		"client.web":           with(connectAsOthers),
		"client.pool":          with(openPool),
		"client.request":       with(request),
		"client.close":         with(closeHandle),
		"source.jwt":           with(fetchJWTOfSource),
		"source.validateJwt":   with(validateJWTOfSource),
		"workload.x509Bundles": with(fetchX509Bundles),
		"workload.jwt":         with(fetchJWT),
		"workload.validateJwt": with(validateJWTByAgent),
		"workload.wit":         with(fetchWIT),
		"workload.witBundles":  with(fetchWITBundles),
		"workload.watchWit":    with(watchWIT),
		"federation.fetch":     with(fetchFederated),
		"federation.watch":     with(watchFederated),
		"federation.refresh":   with(refreshFederated),
		"federation.get":       with(getFederated),
		"federation.serve":     with(serveBundle),
	}
}

func with[P any](do func(P) (any, error)) operation {
	return func(raw json.RawMessage) (any, error) {
		var params P
		if err := json.Unmarshal(raw, &params); err != nil {
			return nil, badParams{err}
		}
		return do(params)
	}
}

func parseID(params struct {
	ID    string
	IDB64 []byte
}) (any, error) {
	text := params.ID
	if params.IDB64 != nil {
		text = string(params.IDB64)
	}
	id, err := spiffeid.FromString(text)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id":          id.String(),
		"trustDomain": id.TrustDomain().Name(),
		"path":        id.Path(),
		"segments":    strings.Split(id.Path(), "/")[1:],
	}, nil
}

func buildID(params struct {
	TrustDomain string
	Segments    []string
	Path        *string
}) (any, error) {
	td, err := spiffeid.TrustDomainFromString(params.TrustDomain)
	if err != nil {
		return nil, err
	}
	var id spiffeid.ID
	if params.Path != nil {
		id, err = spiffeid.FromPath(td, *params.Path)
	} else {
		id, err = spiffeid.FromSegments(td, params.Segments...)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": id.String()}, nil
}

func equalIDs(params struct{ A, B string }) (any, error) {
	a, err := spiffeid.FromString(params.A)
	if err != nil {
		return nil, err
	}
	b, err := spiffeid.FromString(params.B)
	if err != nil {
		return nil, err
	}
	return map[string]any{"equal": a == b}, nil
}

func parseTrustDomain(params struct{ Text string }) (any, error) {
	td, err := spiffeid.TrustDomainFromString(params.Text)
	if err != nil {
		return nil, err
	}
	return map[string]any{"name": td.Name(), "id": td.IDString()}, nil
}

func parseSVIDPEM(params struct{ Cert, Key string }) (any, error) {
	return describeSVID(x509svid.Parse([]byte(params.Cert), []byte(params.Key)))
}

func parseSVIDDER(params struct{ CertB64, KeyB64 []byte }) (any, error) {
	return describeSVID(x509svid.ParseRaw(params.CertB64, params.KeyB64))
}

func describeSVID(svid *x509svid.SVID, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": svid.ID.String(), "chainSha256": fingerprints(svid.Certificates)}, nil
}

func parseBundlePEM(params struct{ TrustDomain, PEM string }) (any, error) {
	td, err := spiffeid.TrustDomainFromString(params.TrustDomain)
	if err != nil {
		return nil, err
	}
	bundle, err := x509bundle.Parse(td, []byte(params.PEM))
	if err != nil {
		return nil, err
	}
	authorities := sorted(bundle.X509Authorities())
	return map[string]any{"trustDomain": bundle.TrustDomain().Name(), "x509Sha256": authorities}, nil
}

// verify ignores the role of the peer, as the library does: X509-SVIDs verify
// for any extended key usage.
func verify(params struct {
	Chain     [][]byte
	Bundles   map[string][][]byte
	At        time.Time
	Authorize *rule
}) (any, error) {
	bundles := x509bundle.NewSet()
	for name, authorities := range params.Bundles {
		td, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return nil, err
		}
		bundle, err := x509bundle.ParseRaw(td, slices.Concat(authorities...))
		if err != nil {
			return nil, err
		}
		bundles.Add(bundle)
	}

	// The zero time stands for now.
	id, chains, err := x509svid.ParseAndVerify(params.Chain, bundles, x509svid.WithTime(params.At))
	if err != nil {
		return nil, err
	}
	if params.Authorize != nil {
		matcher, err := params.Authorize.matcher()
		if err != nil {
			return nil, err
		}
		if err := matcher(id); err != nil {
			return nil, denied{err}
		}
	}
	return map[string]any{"id": id.String(), "pathSha256": fingerprints(chains[0])}, nil
}

func parseEndpoint(params struct{ Value string }) (any, error) {
	target, err := workloadapi.TargetFromAddress(params.Value)
	if err != nil {
		return nil, err
	}
	// The library gives the target for gRPC, which names the scheme for sockets alone.
	if path, ok := strings.CutPrefix(target, "unix://"); ok {
		return map[string]any{"scheme": "unix", "address": path}, nil
	}
	return map[string]any{"scheme": "tcp", "address": target}, nil
}

func fingerprints(certificates []*x509.Certificate) []string {
	sums := make([]string, len(certificates))
	for i, certificate := range certificates {
		sum := sha256.Sum256(certificate.Raw)
		sums[i] = hex.EncodeToString(sum[:])
	}
	return sums
}
