package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// planned is one kind of call: its method's name, what is wished for, and after how long the client gives it up (0: never).
type planned struct {
	times  int
	method string
	wished wish
	give   time.Duration
}

// parse reads "TIMES METHOD CODE [N [MS [BYTES [GIVEUP-MS]]]]".
func parse(argument string) (planned, error) {
	p, give := planned{}, 0
	words := strings.Fields(argument)
	numbers := []*int{&p.wished.code, &p.wished.n, &p.wished.ms, &p.wished.bytes, &give}
	if len(words) < 3 || len(words) > 2+len(numbers) {
		return p, fmt.Errorf("not TIMES METHOD CODE [N [MS [BYTES [GIVEUP-MS]]]]: %q", argument)
	}
	fmt.Sscan(words[0], &p.times)
	p.method = words[1]
	for i, word := range words[2:] {
		if _, err := fmt.Sscan(word, numbers[i]); err != nil {
			return p, fmt.Errorf("%q: %w", argument, err)
		}
	}
	p.give = time.Duration(give) * time.Millisecond
	return p, nil
}

func (p planned) path() string { return "/" + serviceName + "/" + p.method }

func (p planned) make(conn *grpc.ClientConn) error {
	patience := p.give
	if patience == 0 {
		patience = 30 * time.Second
	}
	limited, done := context.WithTimeout(context.Background(), patience)
	defer done()
	if p.give != 0 { // given up by cancelling: a deadline would travel with the call, and the server end it first
		var give context.CancelFunc
		limited, give = context.WithCancel(context.Background())
		defer time.AfterFunc(p.give, give).Stop()
		defer give()
	}
	request := wrapperspb.String(p.wished.String())
	switch p.method {
	case "Create", "Absent":
		return conn.Invoke(limited, p.path(), request, new(wrapperspb.StringValue))
	case "Chat":
		return p.chat(limited, conn, request)
	}
	return p.stream(limited, conn, request)
}

func (p planned) open(limited context.Context, conn *grpc.ClientConn) (grpc.ClientStream, error) {
	return conn.NewStream(limited, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, p.path())
}

// stream sends one message (List) or n (Upload), and reads all that comes.
func (p planned) stream(limited context.Context, conn *grpc.ClientConn, request *wrapperspb.StringValue) error {
	stream, err := p.open(limited, conn)
	if err != nil {
		return err
	}
	messages := 1
	if p.method == "Upload" {
		messages = p.wished.n
	}
	for i := 0; i < messages; i++ {
		if err = stream.SendMsg(request); err != nil {
			break // why, RecvMsg says
		}
	}
	stream.CloseSend()
	return drain(stream)
}

// chat waits for an answer to each of its n messages before the next.
func (p planned) chat(limited context.Context, conn *grpc.ClientConn, request *wrapperspb.StringValue) error {
	stream, err := p.open(limited, conn)
	if err != nil {
		return err
	}
	for i := 0; i < p.wished.n; i++ {
		if err = stream.SendMsg(request); err != nil {
			break
		}
		if err = stream.RecvMsg(new(wrapperspb.StringValue)); err != nil {
			return err
		}
	}
	stream.CloseSend()
	return drain(stream)
}

func drain(stream grpc.ClientStream) error {
	for {
		err := stream.RecvMsg(new(wrapperspb.StringValue))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type report struct {
	Counts map[string]int     `json:"counts"` // by "PATH CODE"
	Waited map[string]float64 `json:"waited"` // seconds, by PATH
	lock   sync.Mutex
}

func (r *report) add(p planned, err error, waited time.Duration) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.Counts[fmt.Sprintf("%s %d", p.path(), status.Code(err))]++
	r.Waited[p.path()] += waited.Seconds()
}

// deal hands the calls out in turn, so that all kinds of them are on the connection together.
func deal(plans []planned) []planned {
	var calls []planned
	for round := 0; ; round++ {
		before := len(calls)
		for _, p := range plans {
			if round < p.times {
				calls = append(calls, p)
			}
		}
		if len(calls) == before {
			return calls
		}
	}
}

func work(conn *grpc.ClientConn, calls []planned, workers int) *report {
	r := &report{Counts: map[string]int{}, Waited: map[string]float64{}}
	queue := make(chan planned, len(calls))
	for _, c := range calls {
		queue <- c
	}
	close(queue)
	var group sync.WaitGroup
	for i := 0; i < workers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for c := range queue {
				began := time.Now()
				err := c.make(conn)
				r.add(c, err, time.Since(began))
			}
		}()
	}
	group.Wait()
	return r
}

// call makes all calls over one connection, some at a time.
func call(arguments []string) error {
	flags := flag.NewFlagSet("call", flag.ExitOnError)
	address := flags.String("address", "", "host:port of the server")
	secured := flags.Bool("tls", false, "in TLS")
	workers := flags.Int("streams", 1, "calls at a time")
	flags.Parse(arguments)
	var plans []planned
	for _, argument := range flags.Args() {
		p, err := parse(argument)
		if err != nil {
			return err
		}
		plans = append(plans, p)
	}
	security := insecure.NewCredentials()
	if *secured {
		security = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	}
	conn, err := grpc.Dial(*address, grpc.WithTransportCredentials(security))
	if err != nil {
		return err
	}
	defer conn.Close()
	return json.NewEncoder(os.Stdout).Encode(work(conn, deal(plans), *workers))
}
