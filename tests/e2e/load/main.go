// An HTTP/1.1 client that knows exactly what it sent. It holds a fixed number of connections and takes its orders on standard
// input, a line each, answering each with a line of JSON (see load.py):
//
//	run N    send N requests and wait for all their answers
//	start    send without end (but never longer than -limit)
//	stop     finish what is in flight, and report it
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func work(clients []*client, more func() bool) *tally {
	var group sync.WaitGroup
	tallies := make([]*tally, len(clients))
	group.Add(len(clients))
	for i := range clients {
		tallies[i] = newTally()
		go func(c *client, t *tally) {
			defer group.Done()
			for more() {
				c.exchange(t)
			}
		}(clients[i], tallies[i])
	}
	group.Wait()
	sum := newTally()
	for _, t := range tallies {
		sum.add(t)
	}
	return sum
}

func atMost(n int64) func() bool {
	var taken atomic.Int64
	return func() bool { return taken.Add(1) <= n }
}

func report(t *tally, began time.Time) {
	t.Seconds = time.Since(began).Seconds()
	json.NewEncoder(os.Stdout).Encode(t)
}

func obey(clients []*client, limit time.Duration) error {
	var running atomic.Bool
	var done chan *tally
	began := time.Now()
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		var n int64
		switch line := orders.Text(); {
		case line == "start":
			running.Store(true)
			done = make(chan *tally, 1)
			began = time.Now()
			go func() {
				done <- work(clients, func() bool { return running.Load() && time.Since(began) < limit })
			}()
		case line == "stop" && done != nil:
			running.Store(false)
			report(<-done, began)
			done = nil
		case strings.HasPrefix(line, "run "):
			if _, err := fmt.Sscanf(line, "run %d", &n); err != nil {
				return fmt.Errorf("%q: %w", line, err)
			}
			began = time.Now()
			report(work(clients, atMost(n)), began)
		default:
			return fmt.Errorf("no such order: %q", line)
		}
	}
	return orders.Err()
}

func main() {
	address := flag.String("address", "", "host:port of the server")
	connections := flag.Int("connections", 1, "connections to hold")
	closing := flag.Bool("close", false, "send Connection: close: a connection for each request")
	limit := flag.Duration("limit", time.Minute, "the longest that a start may run")
	flag.Parse()
	plan, err := newPlan(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	clients := make([]*client, *connections)
	for i := range clients {
		clients[i] = &client{address: *address, closing: *closing, plan: plan}
	}
	if err := obey(clients, *limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
