// Package faults proves what the product promises when networks, databases, clocks and clients fail: nothing that was
// acknowledged is lost, nothing happens twice, who waits is told the truth, and all recovers without a restart.
//
// It holds tests only, which may import every room; the kit that breaks things is faulttest. The counts are a tenth of
// those of the nightly run, which sets INDENT_TORTURE=1.
package faults
