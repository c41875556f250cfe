package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffetls"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
)

func (e endpoint) clientConfig() (*tls.Config, error) {
	s, authorizer, err := e.parts()
	if err != nil {
		return nil, err
	}
	config := tlsconfig.MTLSClientConfig(s, s, authorizer)
	e.restrict(config)
	return config, nil
}

// connect makes one connection, and reads the first line of the server. What
// ends a connection counts as a verdict: it is how a peer says no.
func connect(params struct {
	endpoint
	Port       int
	ServerName string
	TimeoutMs  int64
}) (any, error) {
	config, err := params.clientConfig()
	if err != nil {
		return nil, err
	}
	config.ServerName = params.ServerName
	timeout := 10 * time.Second
	if params.TimeoutMs > 0 {
		timeout = time.Duration(params.TimeoutMs) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	dialer := tls.Dialer{Config: config}
	conn, err := dialer.DialContext(ctx, "tcp", address(params.Port))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return nil, err
	}
	state := conn.(*tls.Conn).ConnectionState()
	peer, err := spiffetls.PeerIDFromConnectionState(state)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"peer":    peer.String(),
		"line":    strings.TrimSuffix(line, "\n"),
		"resumed": state.DidResume,
	}, nil
}

// connectAsOthers makes a connection as a program without the library does.
func connectAsOthers(params struct {
	Port       int
	ServerName string
}) (any, error) {
	conn, err := tls.Dial("tcp", address(params.Port), &tls.Config{ServerName: params.ServerName})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return map[string]any{"trusted": true}, nil
}

// pool is a client that keeps its connections.
type pool struct{ client http.Client }

func (p *pool) Close() error {
	p.client.CloseIdleConnections()
	return nil
}

func openPool(params endpoint) (any, error) {
	config, err := params.clientConfig()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: params.Protocol == "http2"}
	return map[string]any{"handle": open.add("c", &pool{http.Client{Transport: transport}})}, nil
}

func request(params struct {
	Handle string
	Port   int
	Path   string
}) (any, error) {
	p, err := get[*pool](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	response, err := p.client.Get("https://" + address(params.Port) + params.Path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	peer, err := spiffetls.PeerIDFromConnectionState(*response.TLS)
	if err != nil {
		return nil, err
	}
	return map[string]any{"status": response.StatusCode, "body": string(body), "peer": peer.String()}, nil
}

func address(port int) string {
	return fmt.Sprintf("127.0.0.1:%d", port)
}
