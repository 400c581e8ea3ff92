package main

import (
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
)

var polynomial = crc64.MakeTable(crc64.ECMA)

// answer is what came back for one request: its digest covers the path asked for, the status and every byte of the body.
type answer struct {
	status int
	size   int64
	digest uint64
}

func readAnswer(path string, response *http.Response) (answer, error) {
	defer response.Body.Close()
	sum := crc64.New(polynomial)
	fmt.Fprintf(sum, "%s %d\n", path, response.StatusCode)
	size, err := io.Copy(sum, response.Body)
	return answer{response.StatusCode, size, sum.Sum64()}, err
}
