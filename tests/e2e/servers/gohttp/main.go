// Go's net/http behind the suite's routes. Its service name is the last element of its module's path.
// With ANSWER=every in the environment it answers 200 to any path (see test_cardinality.py).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func number(r *http.Request, name string, otherwise int) int {
	value, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return otherwise
	}
	return value
}

func createOrder(w http.ResponseWriter, r *http.Request) {
	var order struct{ Item string }
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":7,"item":%q}`, order.Item)
}

func chunked(w http.ResponseWriter, r *http.Request) {
	for i := 0; i < 6; i++ {
		fmt.Fprintf(w, "part %d\n", i)
		w.(http.Flusher).Flush()
	}
}

// Server-sent events: n of them, ms apart. The first leaves at once.
func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := 0; i < number(r, "n", 5); i++ {
		if i > 0 {
			time.Sleep(time.Duration(number(r, "ms", 10)) * time.Millisecond)
		}
		fmt.Fprintf(w, "data: %d\n\n", i)
		w.(http.Flusher).Flush()
	}
}

func trailers(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "Checked")
	io.WriteString(w, "body before trailers\n")
	w.Header().Set("Checked", "yes")
}

// Answers once all of the request's body is here, with its length.
func upload(w http.ResponseWriter, r *http.Request) {
	length, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprint(w, length)
}

func spin(w http.ResponseWriter, r *http.Request) {
	end := time.Now().Add(time.Duration(number(r, "ms", 10)) * time.Millisecond)
	for time.Now().Before(end) {
	}
	io.WriteString(w, "spun")
}

var kept [][]byte

// Keeps some MB, collects garbage, then says what the runtime says of itself.
func ownFigures(w http.ResponseWriter, r *http.Request) {
	for i := 0; i < number(r, "keep", 0)*16; i++ {
		kept = append(kept, make([]byte, 65536))
	}
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	json.NewEncoder(w).Encode(map[string]any{"goroutines": runtime.NumGoroutine(), "cycles": memory.NumGC, "alloc": memory.Alloc,
		"total": memory.TotalAlloc, "in_use": memory.HeapInuse, "version": runtime.Version()})
}

func home(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	io.WriteString(w, "hello")
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", home)
	mux.HandleFunc("/items/", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "item "+strings.TrimPrefix(r.URL.Path, "/items/"))
	})
	mux.HandleFunc("/orders", createOrder)
	mux.HandleFunc("/fail", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "failed", http.StatusInternalServerError) })
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", number(r, "bytes", 65536)))
	})
	mux.HandleFunc("/chunked", chunked)
	mux.HandleFunc("/events", events)
	mux.HandleFunc("/trailers", trailers)
	mux.HandleFunc("/upload", upload)
	mux.HandleFunc("/sleep", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(number(r, "ms", 10)) * time.Millisecond)
		io.WriteString(w, "slept")
	})
	mux.HandleFunc("/spin", spin)
	mux.HandleFunc("/runtime", ownFigures)
	return mux
}

func main() {
	handler := routes()
	if os.Getenv("ANSWER") == "every" {
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "here") })
	}
	host := os.Getenv("HOST")
	if host == "" {
		host = "127.0.0.1"
	}
	log.Fatal(listen(os.Getenv("SPEAK"), &http.Server{Addr: net.JoinHostPort(host, os.Getenv("PORT")), Handler: handler}))
}
