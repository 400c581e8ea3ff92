// A client of HTTP/1.1 and HTTP/2, in plaintext and TLS, that knows exactly what it sent. It holds a fixed number of connections and takes its orders on standard
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

	"golang.org/x/net/http2"
)

// exchanger is whoever sends one request at a time: a connection, or with HTTP/2 a part of one.
type exchanger interface {
	exchange(t *tally)
}

func work(clients []exchanger, more func() bool) *tally {
	var group sync.WaitGroup
	tallies := make([]*tally, len(clients))
	group.Add(len(clients))
	for i := range clients {
		tallies[i] = newTally()
		go func(c exchanger, t *tally) {
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

func obey(clients []exchanger, limit time.Duration) error {
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

// speech is what the flag -speak chooses: whether there is TLS, and HTTP/2 in it.
var speech = map[string]struct {
	alpn   string
	second bool
}{"http": {}, "https": {alpn: "http/1.1"}, "h2c": {second: true}, "h2": {"h2", true}}

type settings struct {
	connections, streams int
	closing              bool
	cancel               time.Duration
}

func newClients(to dialer, second bool, wanted settings, plan *plan) []exchanger {
	var clients []exchanger
	for i := 0; i < wanted.connections; i++ {
		if !second {
			clients = append(clients, &client{dialer: to, closing: wanted.closing, plan: plan})
			continue
		}
		shared := &session{dialer: to, transport: &http2.Transport{AllowHTTP: true}, cancel: wanted.cancel}
		for j := 0; j < wanted.streams; j++ {
			clients = append(clients, &stream{session: shared, plan: plan})
		}
	}
	return clients
}

func refuse(what any, status int) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(status)
}

func main() {
	var wanted settings
	address := flag.String("address", "", "host:port of the server")
	speak := flag.String("speak", "http", "http, https, h2c (prior knowledge) or h2")
	flag.IntVar(&wanted.connections, "connections", 1, "connections to hold")
	flag.IntVar(&wanted.streams, "streams", 1, "requests at a time on each connection of HTTP/2")
	flag.BoolVar(&wanted.closing, "close", false, "send Connection: close: a connection for each request (HTTP/1)")
	flag.DurationVar(&wanted.cancel, "cancel", 0, "reset each stream that is not answered by then (HTTP/2)")
	limit := flag.Duration("limit", time.Minute, "the longest that a start may run")
	flag.Parse()
	plan, err := newPlan(flag.Args())
	if err != nil {
		refuse(err, 2)
	}
	chosen, known := speech[*speak]
	if !known {
		refuse(fmt.Sprintf("-speak: %q is none of http, https, h2c, h2", *speak), 2)
	}
	clients := newClients(dialer{*address, chosen.alpn}, chosen.second, wanted, plan)
	if err := obey(clients, *limit); err != nil {
		refuse(err, 1)
	}
}
