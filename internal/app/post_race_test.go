//go:build race

package app_test

// endingTogether is less with the race detector, which makes SQLite ten times as slow.
const endingTogether = 160
