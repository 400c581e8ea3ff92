package main

import (
	"crypto/tls"
	"net"
	"time"
)

const dialTimeout = 10 * time.Second

// dialer opens connections in plaintext, or in TLS when it has a protocol to ask for by ALPN. Nobody checks the certificate: the
// tests' own signs itself.
type dialer struct {
	address, protocol string
}

func (d dialer) dial() (net.Conn, error) {
	if d.protocol == "" {
		return net.DialTimeout("tcp", d.address, dialTimeout)
	}
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{d.protocol}}
	return tls.DialWithDialer(&net.Dialer{Timeout: dialTimeout}, "tcp", d.address, config)
}
