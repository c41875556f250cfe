package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// handles has what calls opened and others close.
type handles struct {
	mu     sync.Mutex
	things map[string]io.Closer
	last   int
}

var open = handles{things: map[string]io.Closer{}}

// add keeps a thing under a new name, and answers the call that opened it.
func (h *handles) add(prefix string, thing io.Closer) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	handle := fmt.Sprint(prefix, h.last)
	h.things[handle] = thing
	return handle
}

// opened answers a call that opened what tells events, or takes connections
// that do: it begins when the answer is on its way, so that nothing is told of
// a handle that nobody knows.
type opened struct {
	Handle string `json:"handle"`
	Port   int    `json:"port,omitempty"`
	begin  func()
}

// event tells what happened to an open thing.
type event struct {
	Event  string `json:"event"`
	Handle string `json:"handle"`
	Data   any    `json:"data"`
}

// tell writes an event, unless its thing is closed: whoever closes it is
// answered after that.
func (h *handles) tell(name, handle string, data any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.things[handle]; ok {
		out.write(event{name, handle, data})
	}
}

// get finds an open thing of one kind.
func get[T io.Closer](h *handles, handle string) (T, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	thing, ok := h.things[handle].(T)
	if !ok {
		return thing, badParams{fmt.Errorf("%q is no open handle of that kind", handle)}
	}
	return thing, nil
}

// close ends one thing.
func (h *handles) close(handle string) error {
	h.mu.Lock()
	thing, ok := h.things[handle]
	delete(h.things, handle)
	h.mu.Unlock()
	if !ok {
		return badParams{fmt.Errorf("%q is no open handle", handle)}
	}
	return thing.Close()
}

// closeAll ends everything, servers and clients before what they are made of
// or after: nothing waits for anything.
func (h *handles) closeAll() error {
	h.mu.Lock()
	things := h.things
	h.things = map[string]io.Closer{}
	h.mu.Unlock()
	var problems []error
	for _, thing := range things {
		problems = append(problems, thing.Close())
	}
	return errors.Join(problems...)
}

func closeHandle(params struct{ Handle string }) (any, error) {
	return struct{}{}, open.close(params.Handle)
}

func closeAll(struct{}) (any, error) {
	return struct{}{}, open.closeAll()
}
