package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

const callTimeout = 15 * time.Second

// serveHTTPS answers every request with the SPIFFE ID of who asked.
func serveHTTPS(ctx context.Context, opts options) error {
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	listener, err := net.Listen("tcp", opts.listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		TLSConfig:         tlsconfig.MTLSServerConfig(source, source, tlsconfig.AuthorizeID(opts.authorize)),
		ReadHeaderTimeout: callTimeout,
		Handler: http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
			id, err := x509svid.IDFromCert(request.TLS.PeerCertificates[0])
			if err != nil {
				http.Error(response, err.Error(), http.StatusInternalServerError)
				return
			}
			response.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(response).Encode(map[string]string{"peer": id.String()})
		}),
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	tell(map[string]string{"listening": listener.Addr().String()})
	if err := server.ServeTLS(listener, "", ""); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// callHTTPS tells the answer, and who gave it.
func callHTTPS(ctx context.Context, opts options) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   tlsconfig.MTLSClientConfig(source, source, tlsconfig.AuthorizeID(opts.authorize)),
		ForceAttemptHTTP2: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, opts.target, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	id, err := x509svid.IDFromCert(response.TLS.PeerCertificates[0])
	if err != nil {
		return err
	}
	tell(answer{Status: response.StatusCode, Body: string(body), Server: id})
	return nil
}

type answer struct {
	Status int         `json:"status"`
	Body   string      `json:"body"`
	Server spiffeid.ID `json:"server"`
}
