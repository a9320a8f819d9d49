// Package approval is the centre of the house: what a petition is, who may decide it and what follows.
//
// Its promise: a petition changes only by events ([Petition.Apply]), nothing changes without an audit record
// ([Store.Commit] takes state, events and work in one transaction), and every channel decides through one door
// ([Service.Decide]). It is pure rules and use cases: time, chance, storage and policy are handed in ([Deps]).
//
// It imports the standard library and the canonical JSON library, never another room.
package approval

import "time"

//go:generate go test -count=1 -run ^TestStatesPageIsFresh$ . -update

// Limits of everything that comes from outside. Lengths are in characters (Unicode code points) unless a name says bytes.
const (
	MaxReason       = 4000
	MaxResources    = 100
	MaxPetitioners  = 20
	MaxLabels       = 64
	MaxLabelKey     = 200
	MaxLabelValue   = 1000
	MaxID           = 1024
	MaxName         = 128
	MaxDisplayName  = 500
	MaxEmail        = 320
	MaxBrowser      = 200 // of what a browser says it is
	MaxKind         = 200
	MaxAltIDs       = 32
	MaxParamsBytes  = 64 << 10
	MaxJSONDepth    = 32
	MaxBodyBytes    = 1 << 20
	MaxPolicyBytes  = 256 << 10
	MaxBulk         = 1000
	MaxPageSize     = 200
	DefaultPageSize = 50
	MaxSearch       = 200
	MaxSelector     = 2000
	MaxWait         = 60 * time.Second
	// MaxAwaited is how many petitions one stream may wait for.
	MaxAwaited = 10_000
	// MaxDuration bounds every duration that a client may name (ten years).
	MaxDuration = 10 * 365 * 24 * time.Hour
	// MaxAhead bounds how far away the beginning of a grant may be.
	MaxAhead = 90 * 24 * time.Hour
)
