package main

import (
	"errors"
	"maps"
	"slices"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

// rule says who may come in. It has one member.
type rule struct {
	Any        bool
	ID         *string
	OneOf      []string
	MemberOf   *string
	PathPrefix *struct{ TrustDomain, Path string }
}

// denied is what a matcher says to an ID that does not fit.
type denied struct{ error }

// kinds are the rules that the library has a matcher for.
var kinds = map[string]func(rule) (spiffeid.Matcher, error){
	"any": func(rule) (spiffeid.Matcher, error) {
		return spiffeid.MatchAny(), nil
	},
	"id": func(r rule) (spiffeid.Matcher, error) {
		id, err := spiffeid.FromString(*r.ID)
		return spiffeid.MatchID(id), err
	},
	"oneOf": func(r rule) (spiffeid.Matcher, error) {
		ids := make([]spiffeid.ID, len(r.OneOf))
		for i, text := range r.OneOf {
			var err error
			if ids[i], err = spiffeid.FromString(text); err != nil {
				return nil, err
			}
		}
		return spiffeid.MatchOneOf(ids...), nil
	},
	"memberOf": func(r rule) (spiffeid.Matcher, error) {
		td, err := spiffeid.TrustDomainFromString(*r.MemberOf)
		return spiffeid.MatchMemberOf(td), err
	},
	"pathPrefix": func(r rule) (spiffeid.Matcher, error) {
		td, err := spiffeid.TrustDomainFromString(r.PathPrefix.TrustDomain)
		if err != nil {
			return nil, err
		}
		prefix, err := spiffeid.FromPath(td, r.PathPrefix.Path)
		return spiffeid.MatchIDPrefix(prefix), err
	},
}

func ruleNames() []string {
	return slices.Sorted(maps.Keys(kinds))
}

func (r rule) matcher() (spiffeid.Matcher, error) {
	switch {
	case r.Any:
		return kinds["any"](r)
	case r.ID != nil:
		return kinds["id"](r)
	case r.OneOf != nil:
		return kinds["oneOf"](r)
	case r.MemberOf != nil:
		return kinds["memberOf"](r)
	case r.PathPrefix != nil:
		return kinds["pathPrefix"](r)
	}
	return nil, badParams{errors.New("a rule of a kind that was not claimed")}
}

func matchID(params struct {
	Rule rule
	ID   string
}) (any, error) {
	matcher, err := params.Rule.matcher()
	if err != nil {
		return nil, err
	}
	id, err := spiffeid.FromString(params.ID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"match": matcher(id) == nil}, nil
}
