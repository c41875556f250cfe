// Command interop-go answers the calls of the conformance kit with go-spiffe:
// one JSON object per line in, one out. It adds no check, no retry and no
// normalisation of its own.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
)

const (
	protocol = 1
	module   = "github.com/spiffe/go-spiffe/v2"
)

// call is what the kit asks.
type call struct {
	ID     int64           `json:"id"`
	Op     string          `json:"op"`
	Needs  []string        `json:"needs"`
	Params json.RawMessage `json:"params"`
}

// answer has one of its words set.
type answer struct {
	ID          int64      `json:"id"`
	OK          any        `json:"ok,omitempty"`
	Reject      *rejection `json:"reject,omitempty"`
	Unsupported *missing   `json:"unsupported,omitempty"`
	Fault       *fault     `json:"fault,omitempty"`
}

type rejection struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type missing struct {
	Reason string `json:"reason"`
}

type fault struct {
	Message string `json:"message"`
	Trace   string `json:"trace,omitempty"`
}

// lines writes one object in a line, at once.
type lines struct {
	mu      sync.Mutex
	encoder *json.Encoder
}

var out = lines{encoder: json.NewEncoder(os.Stdout)}

func (l *lines) write(object any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.encoder.Encode(object); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	err := limitMemory()
	if err == nil {
		err = serve(os.Stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers calls as they come: one that waits holds up no other.
func serve(in io.Reader) error {
	var calls sync.WaitGroup
	defer calls.Wait()
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var c call
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("a line that is no call: %w", err)
		}
		calls.Go(func() {
			answer := reply(c)
			out.write(answer)
			if made, ok := answer.OK.(opened); ok {
				go made.begin()
			}
		})
	}
}

func reply(c call) (a answer) {
	a.ID = c.ID
	defer func() {
		if r := recover(); r != nil {
			a = answer{ID: c.ID, Fault: &fault{Message: fmt.Sprint(r), Trace: string(debug.Stack())}}
		}
	}()

	if i := slices.IndexFunc(c.Needs, func(need string) bool { return need != "clock" }); i >= 0 {
		a.Unsupported = &missing{Reason: "the need " + c.Needs[i]}
		return a
	}
	op, ok := operations[c.Op]
	if !ok {
		op, ok = lifecycle[c.Op]
	}
	if !ok {
		a.Unsupported = &missing{Reason: "the operation " + c.Op}
		return a
	}

	result, err := op(c.Params)
	var bad badParams
	switch {
	case err == nil:
		a.OK = result
	case errors.As(err, &bad):
		a.Fault = &fault{Message: err.Error()}
	default:
		a.Reject = &rejection{Code: reasonOf(err), Message: err.Error()}
	}
	return a
}

func hello(params struct{ Protocol []int }) (any, error) {
	if !slices.Contains(params.Protocol, protocol) {
		return nil, fmt.Errorf("this adapter speaks protocol %d", protocol)
	}
	return map[string]any{
		"protocol": protocol,
		"implementation": map[string]string{
			"name":     "go-spiffe",
			"version":  libraryVersion(),
			"language": "go",
			"runtime":  runtime.Version(),
			"homepage": "https://github.com/spiffe/go-spiffe",
		},
		"capabilities": map[string]any{
			"ops":          slices.Sorted(maps.Keys(operations)),
			"clock":        []string{"x509.verify"},
			"concurrency":  1,
			"profiles":     []string{},
			"rules":        ruleNames(),
			"sources":      []string{"static", "workloadApi", "workloadApiJwt"},
			"options":      []string{"bundles", "minTls", "pick"},
			"protocols":    []string{"line", "http1", "http2", "grpc"},
			"events":       []string{"source.update", "source.error", "server.rejected"},
			"stats":        []string{},
			"resetIsClean": true,
		},
	}, nil
}

func libraryVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return dependency.Version[1:]
		}
	}
	return "unknown"
}
