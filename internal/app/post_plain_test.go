//go:build !race

package app_test

// endingTogether is how many grants of a person and a thing end at once at their endpoints.
const endingTogether = 1000
