// Peers of WebRTC that signal over a WebSocket at ws://HOST:PORT/, a session for each: offer, answer, all candidates in
// them. Without arguments: answers, and echoes what comes over data channels, until it ends.
// call SESSIONS SECONDS: opens so many at a time, keeps them for so long once each is connected or has failed, ends
// them, and prints what became of them as JSON. CANDIDATES=loopback for peers that have no other address.
package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/ice/v2"
	"github.com/pion/webrtc/v3"
)

func address() string {
	host := os.Getenv("HOST")
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, os.Getenv("PORT"))
}

func newAPI() *webrtc.API {
	settings := webrtc.SettingEngine{}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if os.Getenv("CANDIDATES") == "loopback" {
		settings.SetIncludeLoopbackCandidate(true)
		settings.SetIPFilter(net.IP.IsLoopback)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings))
}

// settle sends our description once all candidates are in it.
func settle(peer *webrtc.PeerConnection, description webrtc.SessionDescription, session *websocket.Conn) error {
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(description); err != nil {
		return err
	}
	<-gathered
	return session.WriteJSON(peer.LocalDescription())
}

func answer(peer *webrtc.PeerConnection, session *websocket.Conn) error {
	var offer webrtc.SessionDescription
	if err := session.ReadJSON(&offer); err != nil {
		return err
	}
	if err := peer.SetRemoteDescription(offer); err != nil {
		return err
	}
	description, err := peer.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return settle(peer, description, session)
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// serve holds its peer connection for as long as the caller holds the WebSocket.
func serve(api *webrtc.API, response http.ResponseWriter, request *http.Request) {
	session, err := upgrader.Upgrade(response, request, nil)
	if err != nil {
		return
	}
	defer session.Close()
	peer, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return
	}
	defer peer.Close()
	peer.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(message webrtc.DataChannelMessage) { channel.Send(message.Data) })
	})
	if err := answer(peer, session); err != nil {
		log.Print(err)
		return
	}
	for {
		if _, _, err := session.ReadMessage(); err != nil {
			return
		}
	}
}

type call struct {
	session *websocket.Conn
	peer    *webrtc.PeerConnection
	outcome string // of ICE: "connected" or "failed"
}

func offer(api *webrtc.API, settled *sync.WaitGroup) *call {
	session, _, err := websocket.DefaultDialer.Dial("ws://"+address()+"/", nil)
	if err != nil {
		log.Fatal(err)
	}
	peer, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		log.Fatal(err)
	}
	it := &call{session: session, peer: peer}
	var once sync.Once
	end := func(outcome string) { once.Do(func() { it.outcome = outcome; settled.Done() }) }
	peer.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if state == webrtc.ICEConnectionStateFailed {
			end("failed")
		}
	})
	channel, err := peer.CreateDataChannel("e2e", nil)
	if err != nil {
		log.Fatal(err)
	}
	channel.OnOpen(func() { channel.SendText("hello") })
	channel.OnMessage(func(webrtc.DataChannelMessage) { end("connected") })
	description, err := peer.CreateOffer(nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := settle(peer, description, session); err != nil {
		log.Fatal(err)
	}
	var answer webrtc.SessionDescription
	if err := session.ReadJSON(&answer); err != nil {
		log.Fatal(err)
	}
	if err := peer.SetRemoteDescription(answer); err != nil {
		log.Fatal(err)
	}
	return it
}

func callMany(sessions, seconds int) {
	api, outcomes := newAPI(), map[string]int{"connected": 0, "failed": 0}
	var settled sync.WaitGroup
	calls := make([]*call, sessions)
	for i := range calls {
		settled.Add(1)
		calls[i] = offer(api, &settled)
	}
	settled.Wait()
	time.Sleep(time.Duration(seconds) * time.Second)
	for _, it := range calls {
		outcomes[it.outcome]++
		it.peer.Close()
		it.session.Close()
	}
	json.NewEncoder(os.Stdout).Encode(outcomes)
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "call" {
		sessions, _ := strconv.Atoi(os.Args[2])
		seconds, _ := strconv.Atoi(os.Args[3])
		callMany(sessions, seconds)
		return
	}
	api := newAPI()
	http.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) { serve(api, response, request) })
	log.Fatal(http.ListenAndServe(address(), nil))
}
