// Command indent is the server and its command line.
package main

import (
	"os"

	"github.com/indent-approvals/indent/internal/cli"
)

var version = "dev" // set by the linker

func main() { os.Exit(cli.Main(version)) }
