// Visitors of the demo platform: what they do is given by their number alone, so that what the services must have seen is
// known. Prints that as JSON, or ends with status 1 when the platform has answered anything unforeseen.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// load is what all visitors share.
type load struct {
	gateway        string
	mediaInterface string
	run            string // in the users' addresses, so that no two runs have one in common
	pace           time.Duration
	client         *http.Client
	truth          *truth
	leaving        context.Context // done: no pauses any more, and nobody new
}

func (l *load) pause(length time.Duration) {
	select {
	case <-time.After(length):
	case <-l.leaving.Done():
	}
}

// receive lets visitors come one after the other until there are `visits` or, if that is 0, until it is time to leave.
func (l *load) receive(visitors, visits int) error {
	var next, running = int64(-1), sync.WaitGroup{}
	failures := make(chan error, visitors)

	for n := 0; n < visitors; n++ {
		running.Add(1)
		go func() {
			defer running.Done()
			for l.leaving.Err() == nil {
				number := int(atomic.AddInt64(&next, 1))
				if visits > 0 && number >= visits {
					return
				}
				if err := newVisitor(l, number).visit(); err != nil {
					failures <- fmt.Errorf("visitor %d: %w", number, err)
					return
				}
			}
		}()
	}
	running.Wait()
	close(failures)
	return <-failures
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "demo-load:", err)
	os.Exit(1)
}

func main() {
	l := &load{run: fmt.Sprintf("%x", time.Now().UnixNano()), truth: newTruth()}
	visits := flag.Int("visits", 40, "how many visitors come")
	visitors := flag.Int("visitors", 4, "how many there are at a time")
	limit := flag.Duration("limit", 2*time.Minute, "give up after this long")
	forever := flag.Bool("forever", false, "gently, until SIGINT")
	flag.StringVar(&l.gateway, "gateway", "http://127.0.0.1:30000", "where the platform's gateway is")
	flag.StringVar(&l.mediaInterface, "media-interface", "", "the only network interface for WebRTC")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l.leaving = ctx
	if *forever {
		*visits, l.pace = 0, 150*time.Millisecond
	} else {
		time.AfterFunc(*limit, func() { fail(fmt.Errorf("not done after %s", *limit)) })
	}
	// Less than servers keep idle connections, so that none is closed under a request.
	transport := &http.Transport{IdleConnTimeout: 3 * time.Second, MaxIdleConnsPerHost: *visitors}
	l.client = &http.Client{Timeout: 10 * time.Second, Transport: transport}
	if err := l.receive(*visitors, *visits); err != nil {
		fail(err)
	}
	l.client.CloseIdleConnections()
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	out.Encode(l.truth.report())
}
