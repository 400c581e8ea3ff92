package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
)

// entry is one kind of request. In its pattern # stands for a number, {uuid}, {hex} and {word} for a text of that look:
// each different every time, and the same again in the next run of the program.
type entry struct {
	method, pattern, body string
}

// key is what a tally counts by; a status of 0 is a request that the client gave up.
func (e *entry) key(status int) string {
	if status == 0 {
		return e.method + " " + e.pattern + " aborted"
	}
	return e.method + " " + e.pattern + " " + strconv.Itoa(status)
}

// plan deals its entries out in turn, each as often as its weight says.
type plan struct {
	deal  []*entry
	taken atomic.Int64
}

// newPlan reads arguments of the form "WEIGHT METHOD PATTERN [BODY]".
func newPlan(arguments []string) (*plan, error) {
	p := &plan{}
	for _, argument := range arguments {
		parts := strings.SplitN(argument, " ", 4)
		weight, err := strconv.Atoi(parts[0])
		if err != nil || len(parts) < 3 {
			return nil, fmt.Errorf("not WEIGHT METHOD PATTERN [BODY]: %q", argument)
		}
		e := &entry{method: parts[1], pattern: parts[2]}
		if len(parts) == 4 {
			e.body = parts[3]
		}
		for i := 0; i < weight; i++ {
			p.deal = append(p.deal, e)
		}
	}
	if len(p.deal) == 0 {
		return nil, fmt.Errorf("no request to send: give WEIGHT METHOD PATTERN [BODY]")
	}
	return p, nil
}

func (p *plan) next() (*entry, string) {
	n := p.taken.Add(1) - 1
	e := p.deal[n%int64(len(p.deal))]
	return e, fill(e.pattern, n)
}

func fill(pattern string, n int64) string {
	if !strings.ContainsAny(pattern, "#{") {
		return pattern
	}
	sum := sha256.Sum256([]byte(strconv.FormatInt(n, 10)))
	x := hex.EncodeToString(sum[:])
	return strings.NewReplacer(
		"#", strconv.FormatInt(n, 10),
		"{uuid}", strings.Join([]string{x[:8], x[8:12], "4" + x[13:16], "a" + x[17:20], x[20:32]}, "-"),
		"{hex}", x[:24],
		"{word}", word(n),
	).Replace(pattern)
}

// word spells n in letters only, so that it looks like nothing but a word.
func word(n int64) string {
	letters := []byte("w")
	for rest := n; ; rest /= 20 {
		letters = append(letters, "bcdfghjklmnpqrstvwxz"[rest%20], "aeiou"[rest%5])
		if rest < 20 {
			return string(letters)
		}
	}
}
