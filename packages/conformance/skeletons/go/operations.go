// What the kit asks, put to your library. Nothing may be checked, retried, cached or tidied up here.
package main

import (
	"encoding/json"
	"strings"
)

var implementation = object{"name": "my-spiffe", "version": "0.1.0", "language": "go"}

var operations = map[string]func(json.RawMessage) (object, error){
	"id.parse": parseID,
}

func parseID(raw json.RawMessage) (object, error) {
	var params struct {
		ID    *string `json:"id"`
		IDB64 []byte  `json:"idB64"`
	}
	if err := json.Unmarshal(raw, &params); err != nil {
		return nil, err
	}
	text := string(params.IDB64)
	if params.ID != nil {
		text = *params.ID
	}
	id, err := Parse(text)
	if err != nil {
		return nil, rejected{"unknown", err} // the library's own error is its verdict
	}
	return object{
		"id":          id.String(),
		"trustDomain": id.TrustDomain,
		"path":        id.Path,
		"segments":    strings.Split(id.Path, "/")[1:],
	}, nil
}
