// Package webhook speaks to endpoints of the customer: it signs calls, guards them from reaching inside, makes them and
// reads what came back.
//
// Its promise: a call goes only where it may ([Guard]), it is signed in both ways that receivers know ([Sign]), and what
// cannot be read in full is never taken for done ([Caller.Call]). It imports the centre and the library of the guard.
package webhook
