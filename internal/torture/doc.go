// Package torture breaks what everybody else relies on and looks at what is left: processes are killed at random points,
// the machine loses its power at every write. After each, what was acknowledged is there and in the log, nothing is half
// there, what must happen later happens, and nobody was told anything but the truth (I10).
//
// It holds tests only. How much they do is said by the environment (counts_test.go): a sample in `go test ./...`, a tenth
// in `make test`, all of it in `make torture`.
package torture
