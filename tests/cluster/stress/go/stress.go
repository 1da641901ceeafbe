// Sends many messages of known content in all modes through the Go package and writes down what became of each.
// Usage: stress URL TOPIC [COUNT] OUT-FILE. Exit status 1 is a defect of this client, not a failed send.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mqproducer"
)

const (
	producers  = 2
	goroutines = 4
	patience   = time.Minute
)

// outcome is what became of one message, as the report tells it.
type outcome struct {
	I              int     `json:"i"`
	Mode           string  `json:"mode"`
	OK             bool    `json:"ok"`
	Error          *string `json:"error"`
	MessageID      string  `json:"message_id"`
	QueueID        int32   `json:"queue_id"`
	QueueOffset    int64   `json:"queue_offset"`
	Broker         string  `json:"broker"`
	MaybePersisted bool    `json:"maybe_persisted"`

	completions atomic.Int32
}

func (o *outcome) complete(r *mqproducer.Receipt, err error) {
	if o.completions.Add(1) != 1 {
		return
	}
	if err == nil {
		o.OK, o.MessageID, o.Broker, o.QueueID, o.QueueOffset = true, r.MessageID, r.BrokerName, r.QueueID, r.QueueOffset
		return
	}
	text := err.Error()
	o.Error = &text
	var e *mqproducer.Error
	o.MaybePersisted = errors.As(err, &e) && e.MaybePersisted
}

func modeOf(i int) string {
	switch {
	case i%10 == 9:
		return "oneway"
	case i%2 == 0:
		return "sync"
	}
	return "async"
}

func messageOf(topic string, i int) *mqproducer.Message {
	body := append([]byte(fmt.Sprintf("go-%d|", i)), 0, byte(i), 0xff, 0)
	for j := 0; j < i*7%900; j++ {
		body = append(body, byte(i+j))
	}
	return &mqproducer.Message{
		Topic: topic,
		Body:  body,
		Tags:  fmt.Sprintf("T%d", i%5),
		Keys:  fmt.Sprintf("go-%d k%d", i, i%7),
		Flag:  int32(i % 1000),
		Properties: map[string]string{
			"index":                 strconv.Itoa(i),
			"lang":                  "go",
			fmt.Sprintf("p%d", i%3): fmt.Sprintf("value é %d", i),
		},
	}
}

// send sends message i; async counts the callbacks that are owed.
func send(p *mqproducer.Producer, m *mqproducer.Message, o *outcome, async *sync.WaitGroup) {
	ctx := context.Background()
	switch o.Mode {
	case "oneway":
		o.complete(p.SendOneway(ctx, m))
	case "sync":
		o.complete(p.Send(ctx, m))
	default:
		async.Add(1)
		err := p.SendAsync(ctx, m, func(r *mqproducer.Receipt, err error) {
			o.complete(r, err)
			async.Done()
		})
		if err != nil {
			o.complete(nil, err)
			async.Done()
		}
	}
}

func sendAll(all []*mqproducer.Producer, topic string, outcomes []outcome) (complete bool) {
	var next atomic.Int64
	var senders, async sync.WaitGroup
	for g := 0; g < goroutines; g++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(outcomes) {
					return
				}
				o := &outcomes[i]
				o.I, o.Mode, o.QueueID, o.QueueOffset = i, modeOf(i), -1, -1
				send(all[i/2%producers], messageOf(topic, i), o, &async)
			}
		}()
	}
	senders.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, p := range all {
		if err := p.Flush(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "stress-go: flush:", err)
		}
		if err := p.Close(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "stress-go: close:", err)
		}
	}
	completed := make(chan struct{})
	go func() {
		async.Wait()
		close(completed)
	}()
	select {
	case <-completed:
		return true
	case <-time.After(patience):
		return false
	}
}

func write(path string, outcomes []outcome) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	lines := json.NewEncoder(out)
	for i := range outcomes {
		if err := lines.Encode(&outcomes[i]); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}

func run(url, topic string, count int, path string) error {
	var all []*mqproducer.Producer
	for i := 0; i < producers; i++ {
		p, err := mqproducer.New(url, "go-"+string(rune('a'+i)))
		if err != nil {
			return err
		}
		if err := p.Start(); err != nil {
			return err
		}
		all = append(all, p)
	}
	outcomes := make([]outcome, count)
	if !sendAll(all, topic, outcomes) {
		return errors.New("callbacks are missing")
	}
	good, defects := 0, 0
	for i := range outcomes {
		if outcomes[i].OK {
			good++
		}
		if n := outcomes[i].completions.Load(); n != 1 {
			defects++
			fmt.Fprintf(os.Stderr, "stress-go: message %d (%s) has %d completions\n", i, outcomes[i].Mode, n)
		}
	}
	if err := write(path, outcomes); err != nil {
		return err
	}
	fmt.Printf("go: %d messages, %d ok, %d failed, %d defects\n", count, good, count-good, defects)
	if defects > 0 {
		return fmt.Errorf("%d messages did not complete exactly once", defects)
	}
	return nil
}

func main() {
	args := os.Args[1:]
	count := 10000
	if len(args) == 4 {
		n, err := strconv.Atoi(args[2])
		if err != nil || n < 0 {
			args = nil
		} else {
			count, args = n, []string{args[0], args[1], args[3]}
		}
	}
	if len(args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: stress URL TOPIC [COUNT] OUT-FILE")
		os.Exit(2)
	}
	if err := run(args[0], args[1], count, args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "stress-go:", err)
		os.Exit(1)
	}
}
