//go:build cgo

package mqproducer

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	wayVariable = "MQPRODUCER_TEST_EXIT"
	urlVariable = "MQPRODUCER_TEST_URL"
)

// TestAProcessMayEndAtAnyTime runs itself again for each way to end, and expects that way's exit code in bounded time.
func TestAProcessMayEndAtAnyTime(t *testing.T) {
	if way := os.Getenv(wayVariable); way != "" {
		end(t, way, os.Getenv(urlVariable))
	}
	silent, cluster := silentBroker(t), newCluster(t)
	for way, url := range map[string]string{
		"with sends in flight":     silent,
		"in a callback":            cluster.URL(),
		"while goroutines send":    cluster.URL(),
		"by a signal that is told": silent,
		"by a signal":              silent,
		"a child has none of them": cluster.URL(),
	} {
		t.Run(way, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestAProcessMayEndAtAnyTime$")
			command.Env = append(os.Environ(), wayVariable+"="+way, urlVariable+"="+url)
			text, err := command.CombinedOutput()
			var ended *exec.ExitError
			if !errors.As(err, &ended) {
				t.Fatalf("%v\n%s", err, text)
			}
			status := ended.Sys().(syscall.WaitStatus)
			if way == "by a signal" {
				if !status.Signaled() || status.Signal() != syscall.SIGTERM {
					t.Fatalf("ended with %v\n%s", status, text)
				}
			} else if status.ExitStatus() != 7 {
				t.Fatalf("ended with %v\n%s", status, text)
			}
		})
	}
}

// end ends this process in one of the ways.
func end(t *testing.T, way, url string) {
	ctx := context.Background()
	p := startedProducer(t, url)
	ignore := func(*Receipt, error) {}
	switch way {
	case "in a callback":
		if err := p.SendAsync(ctx, message("T", "x"), func(*Receipt, error) { os.Exit(7) }); err != nil {
			t.Fatal(err)
		}
		select {}
	case "while goroutines send":
		var first sync.WaitGroup
		for range [4]int{} {
			first.Add(1)
			go func() {
				for i := 0; ; i++ {
					_ = p.SendAsync(ctx, message("T", "x"), ignore)
					if i == 100 {
						first.Done()
					}
				}
			}()
		}
		first.Wait()
	case "a child has none of them":
		// A program that is started sees no socket of this process.
		if _, err := p.Send(ctx, message("T", "x")); err != nil {
			t.Fatal(err)
		}
		listed, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, listed)
		}
		if bytes.Contains(listed, []byte("socket:")) {
			t.Fatalf("a child has sockets:\n%s", listed)
		}
	default:
		for i := 0; i < 100; i++ {
			if err := p.SendAsync(ctx, message("T", "x"), ignore); err != nil {
				t.Fatal(err)
			}
		}
		told := make(chan os.Signal, 1)
		if way == "by a signal that is told" {
			signal.Notify(told, syscall.SIGTERM)
		}
		if way != "with sends in flight" {
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			<-told
		}
	}
	os.Exit(7)
}
