// Command peer is a workload of go-spiffe: it gets its identity from the Workload API at SPIFFE_ENDPOINT_SOCKET, and
// serves or calls over mutual TLS. What it has to tell is one line of JSON on its standard output.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

type options struct {
	listen    string
	target    string
	authorize spiffeid.ID
	audience  string
	token     string
}

var commands = map[string]func(context.Context, options) error{
	"serve-https":      serveHTTPS,
	"call-https":       callHTTPS,
	"serve-grpc":       serveGRPC,
	"call-grpc":        callGRPC,
	"list-x509":        listX509,
	"fetch-jwt":        fetchJWT,
	"validate-jwt":     validateJWT,
	"ask-validate-jwt": askValidateJWT,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		tell(map[string]string{"error": err.Error()})
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which command?")
	}
	command, found := commands[args[0]]
	if !found {
		return fmt.Errorf("no command %q", args[0])
	}
	var opts options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&opts.listen, "listen", "127.0.0.1:0", "where to serve")
	flags.StringVar(&opts.target, "target", "", "whom to call: a URL, or host:port of a gRPC server")
	flags.StringVar(&opts.audience, "audience", "", "audience of a JWT-SVID")
	flags.StringVar(&opts.token, "token", "", "JWT-SVID to validate")
	flags.Func("authorize", "the one SPIFFE ID that the peer may have", func(text string) (err error) {
		opts.authorize, err = spiffeid.FromString(text)
		return err
	})
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	return command(ctx, opts)
}

// tell writes one line of JSON.
func tell(what any) {
	line, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
