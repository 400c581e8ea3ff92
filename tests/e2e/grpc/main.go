// A gRPC service and its client, grpc-go on both sides. `e2e-grpc serve` listens on PORT; `e2e-grpc call` says on standard output,
// as a line of JSON, which calls it made, what each came to, and how long it waited (see grpc_calls.py).
// The service has no generated code: every message is a string in a StringValue.
package main

import (
	"fmt"
	"os"
)

func main() {
	commands := map[string]func([]string) error{"serve": serve, "call": call}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: e2e-grpc serve | call FLAGS CALLS")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
