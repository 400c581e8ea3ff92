package main

import "time"

// tally is what one run came to; its keys are "METHOD PATTERN STATUS".
type tally struct {
	Counts   map[string]int     `json:"counts"`
	Waited   map[string]float64 `json:"waited"` // seconds that the client waited, summed
	Bytes    int64              `json:"bytes"`  // of bodies received
	Digest   uint64             `json:"digest"` // of all answers in any order: the same for the same answers to the same requests
	Failed   int                `json:"failed"`
	Failures []string           `json:"failures"` // the first few, in words
	Seconds  float64            `json:"seconds"`
}

func newTally() *tally {
	return &tally{Counts: map[string]int{}, Waited: map[string]float64{}, Failures: []string{}}
}

func (t *tally) count(key string, waited time.Duration, a answer) {
	t.Counts[key]++
	t.Waited[key] += waited.Seconds()
	t.Bytes += a.size
	t.Digest += a.digest
}

func (t *tally) fail(err error) {
	t.Failed++
	if len(t.Failures) < 5 {
		t.Failures = append(t.Failures, err.Error())
	}
}

func (t *tally) add(other *tally) {
	for key, n := range other.Counts {
		t.Counts[key] += n
		t.Waited[key] += other.Waited[key]
	}
	t.Bytes += other.Bytes
	t.Digest += other.Digest
	t.Failed += other.Failed
	for _, failure := range other.Failures {
		if len(t.Failures) < 5 {
			t.Failures = append(t.Failures, failure)
		}
	}
}
