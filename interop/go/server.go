package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffetls"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
)

// endpoint is what servers and clients are made with.
type endpoint struct {
	Source    string
	Authorize *rule
	Protocol  string
	MinTLS    string
}

// parts has the source and the rule of an endpoint.
func (e endpoint) parts() (identitySource, tlsconfig.Authorizer, error) {
	s, err := get[identitySource](&open, e.Source)
	if err != nil {
		return nil, nil, err
	}
	// What a caller can do who has none, since the parameter is required.
	if e.Authorize == nil {
		return s, nil, nil
	}
	matcher, err := e.Authorize.matcher()
	if err != nil {
		return nil, nil, err
	}
	return s, tlsconfig.AdaptMatcher(matcher), nil
}

func (e endpoint) restrict(config *tls.Config) {
	if e.MinTLS == "1.3" {
		config.MinVersion = tls.VersionTLS13
	}
}

// server tells each peer what it is taken for.
type server interface {
	io.Closer
	// begin takes connections, and tells who was turned away under its handle.
	begin(handle string)
	drain(grace time.Duration) error
}

func startServer(params endpoint) (any, error) {
	s, authorizer, err := params.parts()
	if err != nil {
		return nil, err
	}
	config := tlsconfig.MTLSServerConfig(s, s, authorizer)
	params.restrict(config)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, badParams{err}
	}
	var started server
	switch params.Protocol {
	case "line":
		started = &lineServer{listener: tls.NewListener(listener, config), conns: map[net.Conn]struct{}{}}
	case "grpc":
		started = newGRPCServer(listener, s, authorizer)
	case "http1", "http2":
		config.NextProtos = []string{map[string]string{"http1": "http/1.1", "http2": "h2"}[params.Protocol]}
		started = newHTTPServer(listener, config)
	default:
		listener.Close()
		return nil, badParams{fmt.Errorf("protocol %q", params.Protocol)}
	}
	port := listener.Addr().(*net.TCPAddr).Port
	handle := open.add("v", started)
	return opened{handle, port, func() { started.begin(handle) }}, nil
}

func stopServer(params struct {
	Handle  string
	GraceMs int64
}) (any, error) {
	running, err := get[server](&open, params.Handle)
	if err != nil {
		return nil, err
	}
	if err := running.drain(time.Duration(params.GraceMs) * time.Millisecond); err != nil {
		return nil, badParams{err}
	}
	return closeHandle(struct{ Handle string }{params.Handle})
}

func greeting(peer fmt.Stringer) []byte {
	object, _ := json.Marshal(map[string]string{"peer": peer.String()})
	return object
}

// lineServer says who the peer is, and then sends back what it gets.
type lineServer struct {
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	running  sync.WaitGroup
}

func (l *lineServer) begin(handle string) {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		l.conns[conn] = struct{}{}
		l.mu.Unlock()
		l.running.Go(func() { l.serve(conn, handle) })
	}
}

func (l *lineServer) serve(conn net.Conn, handle string) {
	defer func() {
		// As in net/http: what a handshake panics over ends its connection alone.
		_ = recover()
		conn.Close()
		l.mu.Lock()
		delete(l.conns, conn)
		l.mu.Unlock()
	}()
	secure := conn.(*tls.Conn)
	if err := secure.Handshake(); err != nil {
		open.tell("server.rejected", handle, problemOf(err))
		return
	}
	peer, err := spiffetls.PeerIDFromConnectionState(secure.ConnectionState())
	if err != nil {
		return
	}
	if _, err := conn.Write(append(greeting(peer), '\n')); err != nil {
		return
	}
	_, _ = io.Copy(conn, conn)
}

func (l *lineServer) drain(grace time.Duration) error {
	l.listener.Close()
	done := make(chan struct{})
	go func() {
		l.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(grace):
	}
	return nil
}

func (l *lineServer) Close() error {
	l.listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		conn.Close()
	}
	return nil
}

// httpServer answers each request, once it is whole.
type httpServer struct {
	*http.Server
	listener net.Listener
}

func newHTTPServer(listener net.Listener, config *tls.Config) httpServer {
	return httpServer{&http.Server{
		TLSConfig: config,
		ErrorLog:  log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			peer, err := spiffetls.PeerIDFromConnectionState(*r.TLS)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_, _ = w.Write(greeting(peer))
		}),
	}, listener}
}

// begin tells nothing of who was turned away: net/http keeps that in its log.
func (h httpServer) begin(string) {
	_ = h.ServeTLS(h.listener, "", "")
}

func (h httpServer) drain(grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
