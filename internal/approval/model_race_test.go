//go:build race

package approval_test

// stepsInModel is how many steps one check of [TestModel] takes: fewer under the race detector, which makes each ten
// times as dear and has nothing to find in one goroutine.
const stepsInModel = 200
