package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

const me, gateway = "demo-load", "api-gateway"

var digits = regexp.MustCompile(`/\d+`)

// owners: who answers below each of the gateway's prefixes.
var owners = map[string]string{
	"/api/auth": "user-service",
	"/api/user": "user-service",
	"/devices":  "device-service",
	"/apps":     "app-service",
	"/sessions": "scheduler-service",
	"/payments": "billing-service",
	"/revenue":  "billing-service",
}

// hop is a request that a service makes while it serves another.
type hop struct {
	caller, service, method, path string
	status                        int
}

func template(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return digits.ReplaceAllString(path, "/{id}")
}

func owner(path string) string {
	for prefix, service := range owners {
		if strings.HasPrefix(path, prefix) {
			return service
		}
	}
	return ""
}

// ask sends a request to the gateway, whose answer must have the status `want`, and notes who else saw it: the path's owner,
// unless the gateway turns it away, and those whom the owner asks.
func (v *visitor) ask(method, path string, body any, want int, hops ...hop) (answer map[string]any, err error) {
	v.pause(v.pace)
	status, text, err := v.send(method, path, body)
	if err != nil {
		return nil, err
	}
	if status != want {
		return nil, fmt.Errorf("%s %s: %d instead of %d: %s", method, path, status, want, text)
	}
	route, service := template(path), owner(path)
	if service == "" {
		route = "(unmatched)"
	}
	v.truth.saw(me, gateway, method, route, status)
	turnedAway := v.token == "" && !strings.HasPrefix(path, "/api/")
	if service != "" && !turnedAway {
		v.truth.saw(gateway, service, method, route, status)
	}
	for _, h := range hops {
		v.truth.saw(h.caller, h.service, h.method, h.path, h.status)
	}
	if len(text) > 0 {
		err = json.Unmarshal(text, &answer)
	}
	return answer, err
}

func (v *visitor) send(method, path string, body any) (status int, text []byte, err error) {
	var content io.Reader
	if body != nil {
		encoded, _ := json.Marshal(body)
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, v.gateway+path, content)
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if v.token != "" {
		request.Header.Set("Authorization", "Bearer "+v.token)
	}
	response, err := v.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	return response.StatusCode, text, err
}
