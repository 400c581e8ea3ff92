package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const serviceName = "e2e.shop.Orders"

// wish is what the client wants to happen, spelled "CODE N MS BYTES" in each request's string.
type wish struct {
	code, n, ms, bytes int
}

func (w wish) String() string {
	return fmt.Sprintf("%d %d %d %d", w.code, w.n, w.ms, w.bytes)
}

func wishOf(text string) (w wish) {
	fmt.Sscanf(text, "%d %d %d %d", &w.code, &w.n, &w.ms, &w.bytes)
	return w
}

func (w wish) end() error {
	if w.code == 0 {
		return nil
	}
	return status.Error(codes.Code(w.code), "as wished")
}

func (w wish) sleep() { time.Sleep(time.Duration(w.ms) * time.Millisecond) }

func text(n int) *wrapperspb.StringValue { return wrapperspb.String(string(make([]byte, n))) }

func create(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	request := new(wrapperspb.StringValue)
	if err := decode(request); err != nil {
		return nil, err
	}
	wished := wishOf(request.Value)
	wished.sleep()
	return text(wished.bytes), wished.end()
}

// list answers one request with n messages, ms apart.
func list(_ any, stream grpc.ServerStream) error {
	request := new(wrapperspb.StringValue)
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	wished := wishOf(request.Value)
	for i := 0; i < wished.n; i++ {
		if err := stream.SendMsg(text(wished.bytes)); err != nil {
			return err
		}
		wished.sleep()
	}
	return wished.end()
}

// upload answers any number of requests with one message; the last one's wish counts.
func upload(_ any, stream grpc.ServerStream) error {
	wished := wish{}
	for {
		request := new(wrapperspb.StringValue)
		err := stream.RecvMsg(request)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		wished = wishOf(request.Value)
	}
	if wished.code != 0 {
		return wished.end()
	}
	return stream.SendMsg(text(wished.bytes))
}

// chat answers each request with a message.
func chat(_ any, stream grpc.ServerStream) error {
	wished := wish{}
	for {
		request := new(wrapperspb.StringValue)
		err := stream.RecvMsg(request)
		if err == io.EOF {
			return wished.end()
		}
		if err != nil {
			return err
		}
		wished = wishOf(request.Value)
		if err = stream.SendMsg(text(wished.bytes)); err != nil {
			return err
		}
	}
}

var description = grpc.ServiceDesc{
	ServiceName: serviceName,
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Create", Handler: create}},
	Streams: []grpc.StreamDesc{
		{StreamName: "List", Handler: list, ServerStreams: true},
		{StreamName: "Upload", Handler: upload, ClientStreams: true},
		{StreamName: "Chat", Handler: chat, ClientStreams: true, ServerStreams: true},
	},
}

// serve speaks TLS when there is a CERTIFICATE: a file with a key and its certificate.
func serve([]string) error {
	var options []grpc.ServerOption
	if file := os.Getenv("CERTIFICATE"); file != "" {
		certificate, err := tls.LoadX509KeyPair(file, file)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&description, struct{}{})
	return server.Serve(listener)
}
