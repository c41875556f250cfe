// Speaks the protocol of the conformance kit: one JSON object per line in, one out. There is nothing to change here.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

type object = map[string]any

type call struct {
	ID     int64           `json:"id"`
	Op     string          `json:"op"`
	Params json.RawMessage `json:"params"`
	Needs  []string        `json:"needs"`
}

// rejected is what an operation returns when the library looked and said no.
type rejected struct {
	code string
	err  error
}

func (r rejected) Error() string { return r.err.Error() }

func main() {
	// Not bufio.Scanner, which gives up at long lines.
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		var c call
		if err := json.Unmarshal(line, &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		out, err := json.Marshal(answer(c))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Stdout.Write(append(out, '\n')) // os.Stdout is not buffered
	}
}

func answer(c call) (result object) {
	// A panic is no verdict.
	defer func() {
		if panicked := recover(); panicked != nil {
			result = object{"id": c.ID, "fault": object{"message": fmt.Sprint(panicked)}}
		}
	}()
	if len(c.Needs) > 0 {
		// Nothing is promised that is not understood. Once `at` is honoured: any need but "clock".
		return object{"id": c.ID, "unsupported": object{"reason": fmt.Sprintf("needs %v", c.Needs)}}
	}
	switch c.Op {
	case "hello":
		return hello(c)
	case "bye", "reset":
		return object{"id": c.ID, "ok": object{}}
	}
	operation, ok := operations[c.Op]
	if !ok {
		return object{"id": c.ID, "unsupported": object{"reason": "no " + c.Op}}
	}
	value, err := operation(c.Params)
	var no rejected
	if errors.As(err, &no) {
		return object{"id": c.ID, "reject": object{"code": no.code, "message": no.Error()}}
	}
	if err != nil {
		return object{"id": c.ID, "fault": object{"message": err.Error()}}
	}
	return object{"id": c.ID, "ok": value}
}

func hello(c call) object {
	var params struct {
		Protocol []int `json:"protocol"`
	}
	if err := json.Unmarshal(c.Params, &params); err != nil || !slices.Contains(params.Protocol, 1) {
		return object{"id": c.ID, "reject": object{"code": "unknown", "message": "this adapter speaks protocol 1"}}
	}
	ops := make([]string, 0, len(operations))
	for op := range operations {
		ops = append(ops, op)
	}
	slices.Sort(ops)
	return object{"id": c.ID, "ok": object{
		"protocol":       1,
		"implementation": implementation,
		"capabilities":   object{"ops": ops},
	}}
}
