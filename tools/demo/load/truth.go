package main

import (
	"sort"
	"sync"
)

type request struct {
	Service string `json:"service"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	Status  int    `json:"status"`
	Count   int    `json:"count"`
}

type edge struct {
	Caller string `json:"caller"`
	Callee string `json:"callee"`
	Count  int    `json:"count"`
}

// truth is what must have happened on the platform. Counts in the keys are 0.
type truth struct {
	sync.Mutex
	requests map[request]int
	edges    map[edge]int
	events   map[string]float64
}

type report struct {
	Requests []request          `json:"requests"`
	Edges    []edge             `json:"edges"`
	Events   map[string]float64 `json:"events"` // named as the metrics that would count them
}

func newTruth() *truth {
	return &truth{requests: map[request]int{}, edges: map[edge]int{}, events: map[string]float64{}}
}

// saw notes a request that a service got from another, or from a visitor.
func (t *truth) saw(caller, service, method, path string, status int) {
	t.Lock()
	defer t.Unlock()
	t.requests[request{Service: service, Method: method, Path: path, Status: status}]++
	t.edges[edge{Caller: caller, Callee: service}]++
}

func (t *truth) add(event string, by float64) {
	t.Lock()
	defer t.Unlock()
	t.events[event] += by
}

func (t *truth) report() report {
	t.Lock()
	defer t.Unlock()
	r := report{Events: t.events}
	for each, n := range t.requests {
		each.Count = n
		r.Requests = append(r.Requests, each)
	}
	for each, n := range t.edges {
		each.Count = n
		r.Edges = append(r.Edges, each)
	}
	sort.Slice(r.Requests, func(i, j int) bool {
		a, b := r.Requests[i], r.Requests[j]
		if a.Service != b.Service {
			return a.Service < b.Service
		}
		if a.Path != b.Path {
			return a.Path < b.Path
		}
		return a.Method < b.Method || a.Method == b.Method && a.Status < b.Status
	})
	sort.Slice(r.Edges, func(i, j int) bool {
		a, b := r.Edges[i], r.Edges[j]
		return a.Caller < b.Caller || a.Caller == b.Caller && a.Callee < b.Callee
	})
	return r
}
