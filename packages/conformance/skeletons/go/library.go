// Stands for your library, so that the adapter runs. Import yours in operations.go and delete this file.
package main

import (
	"fmt"
	"regexp"
	"strings"
)

var form = regexp.MustCompile(`^spiffe://([a-z0-9._-]{1,255})((?:/[A-Za-z0-9._-]+)*)$`)

// ID is a SPIFFE ID.
type ID struct{ TrustDomain, Path string }

// Parse reads a SPIFFE ID.
func Parse(text string) (ID, error) {
	match := form.FindStringSubmatch(text)
	if match == nil || len(text) > 2048 || strings.Contains(match[2]+"/", "/./") || strings.Contains(match[2]+"/", "/../") {
		return ID{}, fmt.Errorf("no SPIFFE ID: %q", text)
	}
	return ID{match[1], match[2]}, nil
}

func (id ID) String() string { return "spiffe://" + id.TrustDomain + id.Path }
