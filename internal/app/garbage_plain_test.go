//go:build !race

package app_test

// garbageCalls is how many calls [TestGarbageOnEveryRoute] makes of each route.
const garbageCalls = 600
