// gin behind the suite's routes. Its service name is the last element of its module's path.
// With a CERTIFICATE (a file with a key, too) in the environment it speaks TLS, and HTTP/2 to who asks for it.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

func number(c *gin.Context, name string, otherwise int) int {
	value, err := strconv.Atoi(c.Query(name))
	if err != nil {
		return otherwise
	}
	return value
}

func createOrder(c *gin.Context) {
	var order struct {
		Item string `json:"item"`
	}
	if err := c.BindJSON(&order); err != nil {
		return
	}
	c.JSON(http.StatusCreated, gin.H{"id": 7, "item": order.Item})
}

func chunked(c *gin.Context) {
	sent := 0
	c.Stream(func(w io.Writer) bool {
		io.WriteString(w, "part "+strconv.Itoa(sent)+"\n")
		sent++
		return sent < 6
	})
}

func spin(c *gin.Context) {
	end := time.Now().Add(time.Duration(number(c, "ms", 10)) * time.Millisecond)
	for time.Now().Before(end) {
	}
	c.String(http.StatusOK, "spun")
}

func sleep(c *gin.Context) {
	time.Sleep(time.Duration(number(c, "ms", 10)) * time.Millisecond)
	c.String(http.StatusOK, "slept")
}

func main() {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	r.GET("/items/:id", func(c *gin.Context) { c.String(http.StatusOK, "item "+c.Param("id")) })
	r.POST("/orders", createOrder)
	r.GET("/fail", func(c *gin.Context) { c.String(http.StatusInternalServerError, "failed") })
	r.GET("/big", func(c *gin.Context) { c.String(http.StatusOK, strings.Repeat("x", number(c, "bytes", 65536))) })
	r.GET("/chunked", chunked)
	r.GET("/sleep", sleep)
	r.GET("/spin", spin)
	address := "127.0.0.1:" + os.Getenv("PORT")
	if certificate := os.Getenv("CERTIFICATE"); certificate != "" {
		log.Fatal(r.RunTLS(address, certificate, certificate))
	}
	log.Fatal(r.Run(address))
}
