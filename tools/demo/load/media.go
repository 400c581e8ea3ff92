package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/ice/v2"
	"github.com/pion/webrtc/v3"
)

// message is the media service's, see there.
type message struct {
	Type      string                   `json:"type"`
	SDP       string                   `json:"sdp,omitempty"`
	Candidate *webrtc.ICECandidateInit `json:"candidate,omitempty"`
	State     string                   `json:"state,omitempty"`
}

// viewer is the visitor's end of a phone's picture.
type viewer struct {
	*visitor
	socket     *websocket.Conn
	connection *webrtc.PeerConnection
	writing    sync.Mutex
	pictures   chan struct{} // one for each that came
}

const touches = 10

func (v *visitor) newConnection() (*webrtc.PeerConnection, error) {
	var settings webrtc.SettingEngine

	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if name := v.mediaInterface; name != "" {
		settings.SetIncludeLoopbackCandidate(true)
		settings.SetInterfaceFilter(func(each string) bool { return each == name })
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
}

func (w *viewer) say(m message) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	err := w.socket.WriteJSON(m)
	if err == nil {
		w.truth.add(`websocket_messages_total{direction="received"}`, 1)
	}
	return err
}

// hear is the next message of the media service.
func (w *viewer) hear() (m message, err error) {
	w.socket.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, text, err := w.socket.ReadMessage()
	if err != nil {
		return m, err
	}
	w.truth.add(`websocket_messages_total{direction="sent"}`, 1)
	if err = json.Unmarshal(text, &m); err == nil && m.Type == "candidate" {
		w.truth.add(`ice_candidates_total{direction="sent"}`, 1)
	}
	return m, err
}

func (w *viewer) offer(works bool) error {
	channel, err := w.connection.CreateDataChannel("touch", nil)
	if err != nil {
		return err
	}
	channel.OnMessage(func(webrtc.DataChannelMessage) { w.pictures <- struct{}{} })
	channel.OnOpen(func() {
		for i := 0; i < touches; i++ {
			channel.SendText(`{"x":1,"y":2}`)
		}
	})
	w.connection.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate != nil && works {
			init := candidate.ToJSON()
			if w.say(message{Type: "candidate", Candidate: &init}) == nil {
				w.truth.add(`ice_candidates_total{direction="received"}`, 1)
			}
		}
	})
	offer, err := w.connection.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err = w.say(message{Type: "offer", SDP: offer.SDP}); err != nil {
		return err
	}
	return w.connection.SetLocalDescription(offer)
}

// negotiate ends with the state that the media service tells. What it says to one that shall not work is not listened to.
func (w *viewer) negotiate(works bool) (state string, err error) {
	for state == "" {
		m, err := w.hear()
		switch {
		case err != nil:
			return "", err
		case m.Type == "state":
			state = m.State
		case m.Type == "answer" && works:
			err = w.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP})
		case m.Type == "candidate" && works:
			err = w.connection.AddICECandidate(*m.Candidate)
		}
		if err != nil {
			return "", err
		}
	}
	return state, nil
}

func (w *viewer) look() error {
	for i := 0; i < touches; i++ {
		select {
		case <-w.pictures:
		case <-time.After(10 * time.Second):
			return errors.New("no picture came")
		}
	}
	return nil
}

// leave closes as RFC 6455 wants it, and counts what still comes.
func (w *viewer) leave() error {
	w.writing.Lock()
	err := w.socket.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	w.writing.Unlock()
	for err == nil {
		_, err = w.hear()
	}
	if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		return nil
	}
	return err
}

// stream connects to the session's phone and touches it; or, if it shall not work, tries to.
func (v *visitor) stream(works bool) error {
	socket, _, err := websocket.DefaultDialer.Dial(v.signalURL, nil)
	if err != nil {
		return err
	}
	defer socket.Close()
	v.truth.saw(me, "media-service", "GET", "/signal", http.StatusSwitchingProtocols)
	v.truth.saw("media-service", "scheduler-service", "GET", "/sessions/{id}", http.StatusOK)
	v.truth.add("websocket_connections_total", 1)
	connection, err := v.newConnection()
	if err != nil {
		return err
	}
	w := &viewer{visitor: v, socket: socket, connection: connection, pictures: make(chan struct{}, touches)}
	defer connection.Close()
	if err = w.offer(works); err != nil {
		return err
	}
	state, err := w.negotiate(works)
	if err != nil {
		return err
	}
	if works != (state == "connected") {
		return fmt.Errorf("the media service says %q", state)
	}
	v.truth.add(fmt.Sprintf("webrtc_sessions_total{status=%q}", state), 1)
	if works {
		if err = w.look(); err != nil {
			return err
		}
	}
	return w.leave()
}
