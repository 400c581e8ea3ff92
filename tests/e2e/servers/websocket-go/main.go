// Echoes on any path, and greets first. TLS where CERTIFICATE and KEY name files.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{EnableCompression: true, CheckOrigin: func(*http.Request) bool { return true }}

func serve(response http.ResponseWriter, request *http.Request) {
	session, err := upgrader.Upgrade(response, request, nil)
	if err != nil {
		return
	}
	defer session.Close()
	session.WriteMessage(websocket.TextMessage, []byte("welcome"))
	for {
		kind, message, err := session.ReadMessage()
		if err != nil || session.WriteMessage(kind, message) != nil {
			return
		}
	}
}

func main() {
	address, certificate := "127.0.0.1:"+os.Getenv("PORT"), os.Getenv("CERTIFICATE")
	http.HandleFunc("/", serve)
	if certificate != "" {
		log.Fatal(http.ListenAndServeTLS(address, certificate, os.Getenv("KEY"), nil))
	}
	log.Fatal(http.ListenAndServe(address, nil))
}
