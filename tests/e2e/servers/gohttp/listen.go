package main

import (
	"crypto/tls"
	"net/http"
	"os"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

// listen serves in the protocol that SPEAK names: http (also if empty), https, h2 or h2c. For TLS, CERTIFICATE is a file with a
// key and its certificate.
func listen(speak string, server *http.Server) error {
	certificate := os.Getenv("CERTIFICATE")
	switch speak {
	case "https": // and not HTTP/2
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		return server.ListenAndServeTLS(certificate, certificate)
	case "h2":
		return server.ListenAndServeTLS(certificate, certificate)
	case "h2c":
		server.Handler = h2c.NewHandler(server.Handler, &http2.Server{})
	}
	return server.ListenAndServe()
}
