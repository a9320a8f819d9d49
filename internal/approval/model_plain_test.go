//go:build !race

package approval_test

// stepsInModel is how many steps one check of [TestModel] takes; rapid makes a hundred checks unless it is told otherwise.
const stepsInModel = 1000
