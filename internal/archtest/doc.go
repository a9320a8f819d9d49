// Package archtest proves, as a test, that the house is built as its plan says: who may import
// whom, where time and chance come from, how long a file and a function may be, what names rooms
// have and that each of them says what it is for.
//
// It reads source text only and imports nothing but the standard library. A rule is a function
// from the tree's sources to sentences, one for each departure, each naming the file and the rule;
// every rule is itself tested on a small tree that breaks it.
package archtest
