package main

import (
	"context"
	"net"

	"github.com/spiffe/go-spiffe/v2/spiffegrpc/grpccredentials"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// health is the standard health service: it needs no schema of ours. The header `peer` says who asked.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (health) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	id, found := grpccredentials.PeerIDFromContext(ctx)
	if found {
		if err := grpc.SetHeader(ctx, metadata.Pairs("peer", id.String())); err != nil {
			return nil, err
		}
	}
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

func serveGRPC(ctx context.Context, opts options) error {
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	listener, err := net.Listen("tcp", opts.listen)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(
		grpccredentials.MTLSServerCredentials(source, source, tlsconfig.AuthorizeID(opts.authorize))))
	grpc_health_v1.RegisterHealthServer(server, health{})
	context.AfterFunc(ctx, server.Stop)
	tell(map[string]string{"listening": listener.Addr().String()})
	return server.Serve(listener)
}

// callGRPC tells the status, who the server says that asked, and who the server is.
func callGRPC(ctx context.Context, opts options) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	connection, err := grpc.NewClient(opts.target, grpc.WithTransportCredentials(
		grpccredentials.MTLSClientCredentials(source, source, tlsconfig.AuthorizeID(opts.authorize))))
	if err != nil {
		return err
	}
	defer connection.Close()
	var header metadata.MD
	var server peer.Peer
	response, err := grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{},
		grpc.Header(&header), grpc.Peer(&server))
	if err != nil {
		return err
	}
	id, _ := grpccredentials.PeerIDFromPeer(&server)
	tell(map[string]any{"status": response.GetStatus().String(), "peer": header.Get("peer"), "server": id})
	return nil
}
