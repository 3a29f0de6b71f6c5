// SPDX-License-Identifier: GPL-2.0

// Echo over TCP with Go's own runtime, which makes its system calls without a C library:
//
//	echo serve ADDR PORT
//	echo run ADDR PORT CONNECTIONS BYTES
//
// The client sends BYTES on each connection at once, checks that they come back, half-closes
// and waits for the end.
package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"strconv"
	"time"
)

func serve(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			io.Copy(c, c)
			c.Close()
		}()
	}
}

func converse(addr string, seed int64, size int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	sent := make([]byte, size)
	rand.New(rand.NewSource(seed)).Read(sent)
	failed := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		if err == nil {
			err = c.(*net.TCPConn).CloseWrite()
		}
		failed <- err
	}()
	got, err := io.ReadAll(c)
	if err == nil {
		err = <-failed
	}
	if err == nil && !bytes.Equal(sent, got) {
		err = fmt.Errorf("%d bytes sent, %d other ones came back", len(sent), len(got))
	}
	return err
}

func run(addr string, nr, size int) error {
	results := make(chan error)
	var first error
	for i := 0; i < nr; i++ {
		go func(seed int64) { results <- converse(addr, seed, size) }(int64(i))
	}
	for i := 0; i < nr; i++ {
		if err := <-results; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func main() {
	err := fmt.Errorf("usage: echo serve ADDR PORT | run ADDR PORT CONNECTIONS BYTES")
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		err = serve(net.JoinHostPort(os.Args[2], os.Args[3]))
	} else if len(os.Args) == 6 && os.Args[1] == "run" {
		nr, _ := strconv.Atoi(os.Args[4])
		size, _ := strconv.Atoi(os.Args[5])
		err = run(net.JoinHostPort(os.Args[2], os.Args[3]), nr, size)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}
