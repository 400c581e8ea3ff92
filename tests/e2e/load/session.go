package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// session is one HTTP/2 connection that several streams share; like a client, it dials again only when it has to.
type session struct {
	dialer    dialer
	transport *http2.Transport
	cancel    time.Duration // after which each request is given up; 0: never
	lock      sync.Mutex
	conn      *http2.ClientConn
}

func (s *session) current() (*http2.ClientConn, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.conn != nil {
		if state := s.conn.State(); !state.Closing && !state.Closed {
			return s.conn, nil
		}
	}
	conn, err := s.dialer.dial()
	if err != nil {
		return nil, err
	}
	s.conn, err = s.transport.NewClientConn(conn)
	return s.conn, err
}

// stream sends one request of a session at a time.
type stream struct {
	session *session
	plan    *plan
}

func (s *stream) exchange(t *tally) {
	entry, path := s.plan.next()
	began := time.Now()
	got, err := s.ask(entry, path)
	if err != nil {
		t.fail(err)
		return
	}
	t.count(entry.key(got.status), time.Since(began), got)
}

func (s *stream) ask(e *entry, path string) (answer, error) {
	conn, err := s.session.current()
	if err != nil {
		return answer{}, err
	}
	patience := 30 * time.Second
	if s.session.cancel != 0 {
		patience = s.session.cancel
	}
	limited, done := context.WithTimeout(context.Background(), patience)
	defer done()
	request, err := newRequest(limited, e, path)
	if err != nil {
		return answer{}, err
	}
	response, err := conn.RoundTrip(request)
	if s.session.cancel != 0 && errors.Is(err, context.DeadlineExceeded) {
		return answer{}, nil // given up: status 0
	}
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", e.method, path, err)
	}
	return readAnswer(path, response)
}

func newRequest(limited context.Context, e *entry, path string) (*http.Request, error) {
	if e.body == "" {
		return http.NewRequestWithContext(limited, e.method, "https://e2e.test"+path, nil)
	}
	request, err := http.NewRequestWithContext(limited, e.method, "https://e2e.test"+path, strings.NewReader(e.body))
	if err == nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, err
}
