package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffegrpc/grpccredentials"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// grpcServer answers each call with the ID of its peer.
type grpcServer struct {
	*grpc.Server
	listener net.Listener
}

func newGRPCServer(listener net.Listener, s identitySource, authorizer tlsconfig.Authorizer) grpcServer {
	server := grpc.NewServer(grpc.Creds(grpccredentials.MTLSServerCredentials(s, s, authorizer)))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "spiffe.conformance.v1.Peer",
		Methods:     []grpc.MethodDesc{{MethodName: "Get", Handler: getPeer}},
	}, nil)
	return grpcServer{server, listener}
}

func getPeer(
	_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
) (any, error) {
	if err := decode(&emptypb.Empty{}); err != nil {
		return nil, err
	}
	peer, ok := grpccredentials.PeerIDFromContext(ctx)
	if !ok {
		return nil, errors.New("a call without a peer")
	}
	// A string in field 1.
	return wrapperspb.String(peer.String()), nil
}

// begin tells nothing of who was turned away: gRPC keeps that to itself.
func (g grpcServer) begin(string) { _ = g.Serve(g.listener) }

func (g grpcServer) drain(grace time.Duration) error {
	done := make(chan struct{})
	go func() {
		g.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(grace):
	}
	return nil
}

func (g grpcServer) Close() error {
	g.Stop()
	return nil
}
