package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// client is one connection; it dials again only when the server or a failure has ended the last one.
type client struct {
	address string
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
	status, size, err := c.ask(entry, path)
	if err != nil {
		t.fail(err)
		c.hangUp()
		return
	}
	t.count(entry.key(status), time.Since(began), size)
}

func (c *client) ask(e *entry, path string) (status int, size int64, err error) {
	if err = c.dial(); err != nil {
		return 0, 0, err
	}
	c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err = c.conn.Write(c.request(e, path)); err != nil {
		return 0, 0, err
	}
	response, err := http.ReadResponse(c.reader, &http.Request{Method: e.method})
	if err != nil {
		return 0, 0, err
	}
	size, err = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if c.closing || response.Close {
		c.hangUp()
	}
	return response.StatusCode, size, err
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
	conn, err := net.DialTimeout("tcp", c.address, 10*time.Second)
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
