//go:build race

package approvaltest

// SweepStep: see sweep.go.
const SweepStep = 11
