package main

import (
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/ice/v2"
	"github.com/pion/webrtc/v3"
)

// message is what both sides say over the WebSocket; the type tells which of the others there is.
type message struct {
	Type      string                   `json:"type"` // offer, answer, candidate, state
	SDP       string                   `json:"sdp,omitempty"`
	Candidate *webrtc.ICECandidateInit `json:"candidate,omitempty"`
	State     string                   `json:"state,omitempty"` // connected, failed
}

// peer is one phone's connection to one user.
type peer struct {
	socket     *websocket.Conn
	connection *webrtc.PeerConnection
	writing    sync.Mutex
}

// newAPI keeps to the network interface that MEDIA_INTERFACE names, if it does, and to IPv4.
func newAPI() *webrtc.API {
	var settings webrtc.SettingEngine

	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetICETimeouts(time.Second, 2*time.Second, 500*time.Millisecond)
	if name := os.Getenv("MEDIA_INTERFACE"); name != "" {
		settings.SetIncludeLoopbackCandidate(true)
		settings.SetInterfaceFilter(func(each string) bool { return each == name })
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings))
}

func (p *peer) say(m message) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.socket.WriteJSON(m)
}

// echo answers each touch with a picture of the screen, as far as this demo goes.
func echo(channel *webrtc.DataChannel) {
	picture := make([]byte, 1024)

	channel.OnMessage(func(webrtc.DataChannelMessage) { channel.Send(picture) })
}

func (p *peer) accept(offer string) error {
	if err := p.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	answer, err := p.connection.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := p.say(message{Type: "answer", SDP: answer.SDP}); err != nil {
		return err
	}
	return p.connection.SetLocalDescription(answer) // from here on there are candidates
}

func (p *peer) hear(m message) error {
	switch {
	case m.Type == "offer":
		return p.accept(m.SDP)
	case m.Type == "candidate" && m.Candidate != nil:
		return p.connection.AddICECandidate(*m.Candidate)
	}
	return nil
}

// serve ends when the client does.
func serve(socket *websocket.Conn) error {
	connection, err := newAPI().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer connection.Close()
	p := &peer{socket: socket, connection: connection}
	connection.OnDataChannel(echo)
	connection.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate != nil {
			init := candidate.ToJSON()
			p.say(message{Type: "candidate", Candidate: &init})
		}
	})
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected || state == webrtc.PeerConnectionStateFailed {
			p.say(message{Type: "state", State: state.String()})
		}
	})
	for {
		_, text, err := socket.ReadMessage()
		if err != nil {
			return nil // gone, as clients do
		}
		var m message
		if err := json.Unmarshal(text, &m); err != nil {
			return err
		}
		if err := p.hear(m); err != nil {
			return err
		}
	}
}
