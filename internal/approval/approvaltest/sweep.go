//go:build !race

package approvaltest

// SweepStep is how many alike cases of a sweep (each field with each name, garbage on a route) stand for one that is tried: all of them.
// With the race detector, which finds in a few what it finds in all and takes ten times as long, it is one of eleven; the stage
// `sweeps` of `make test` runs them whole.
const SweepStep = 1
