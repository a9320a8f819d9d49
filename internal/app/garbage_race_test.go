//go:build race

package app_test

// garbageCalls is how many calls [TestGarbageOnEveryRoute] makes of each route: fewer under the race detector, which
// makes each five times as dear. The nightly run makes them by the hundred thousand, without it.
const garbageCalls = 60
