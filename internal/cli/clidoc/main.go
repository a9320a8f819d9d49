// Command clidoc writes the reference of the command line to the file that it is given; `make generate` runs it.
package main

import (
	"fmt"
	"os"

	"github.com/indent-approvals/indent/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "clidoc: give the file to write")
		os.Exit(1)
	}
	if err := os.WriteFile(os.Args[1], []byte(cli.Reference()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "clidoc:", err)
		os.Exit(1)
	}
}
