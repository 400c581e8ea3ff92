// The picture and the touches of a phone: WebSocket for signalling, WebRTC for what follows.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

var (
	upgrader  = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	scheduler = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{IdleConnTimeout: 3 * time.Second}}
	active    atomic.Int64
)

func writeJSON(response http.ResponseWriter, status int, body any) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(status)
	json.NewEncoder(response).Encode(body)
}

// hasSession asks the scheduler whether there is such a session, and it is not over.
func hasSession(id string) bool {
	answer, err := scheduler.Get(os.Getenv("SCHEDULER_SERVICE_URL") + "/sessions/" + id)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var session struct {
		EndedAt *string `json:"ended_at"`
	}
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(&session) == nil && session.EndedAt == nil
}

func signal(response http.ResponseWriter, request *http.Request) {
	if !hasSession(request.URL.Query().Get("session")) {
		writeJSON(response, http.StatusForbidden, map[string]string{"error": "no_such_session"})
		return
	}
	socket, err := upgrader.Upgrade(response, request, nil)
	if err != nil {
		return
	}
	defer socket.Close()
	active.Add(1)
	defer active.Add(-1)
	if err := serve(socket); err != nil {
		log.Print(err)
	}
}

func main() {
	http.HandleFunc("/health", func(response http.ResponseWriter, _ *http.Request) {
		writeJSON(response, http.StatusOK, map[string]string{"status": "ok"})
	})
	http.HandleFunc("/stats", func(response http.ResponseWriter, _ *http.Request) {
		writeJSON(response, http.StatusOK, map[string]int64{"active": active.Load()})
	})
	http.HandleFunc("/signal", signal)
	log.Fatal(http.ListenAndServe(os.Getenv("HOST")+":"+os.Getenv("PORT"), nil))
}
