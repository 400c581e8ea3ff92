package main

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"time"
)

// client is one connection; it dials again only when the server or a failure has ended the last one.
type client struct {
	dialer  dialer
	closing bool
	plan    *plan
	conn    net.Conn
	reader  *bufio.Reader
	buffer  []byte
}

// exchange sends the plan's next request and reads its whole answer.
func (c *client) exchange(t *tally) {
	entry, path := c.plan.next()
	began := time.Now()
	got, err := c.ask(entry, path)
	if err != nil {
		t.fail(err)
		c.hangUp()
		return
	}
	t.count(entry.key(got.status), time.Since(began), got)
}

func (c *client) ask(e *entry, path string) (answer, error) {
	if err := c.dial(); err != nil {
		return answer{}, err
	}
	c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.conn.Write(c.request(e, path)); err != nil {
		return answer{}, err
	}
	response, err := http.ReadResponse(c.reader, &http.Request{Method: e.method})
	if err != nil {
		return answer{}, err
	}
	got, err := readAnswer(path, response)
	if c.closing || response.Close {
		c.hangUp()
	}
	return got, err
}

func (c *client) request(e *entry, path string) []byte {
	b := append(c.buffer[:0], e.method...)
	b = append(b, ' ')
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: e2e.test\r\n"...)
	if c.closing {
		b = append(b, "Connection: close\r\n"...)
	}
	if e.body != "" {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(e.body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(append(b, "\r\n"...), e.body...)
	c.buffer = b
	return b
}

func (c *client) dial() error {
	if c.conn != nil {
		return nil
	}
	conn, err := c.dialer.dial()
	if err != nil {
		return err
	}
	c.conn, c.reader = conn, bufio.NewReader(conn)
	return nil
}

func (c *client) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}
