// Sends many messages of known content in all modes through the Go package and writes down what became of each.
// Usage: stress URL TOPIC [COUNT] OUT-FILE. Exit status 1 is a defect of this client, not a failed send.
// MQP_STRESS_PAUSE_MS: a goroutine's pause after each message. MQP_STRESS_STOP: sends end, before COUNT, when this file
// is there. Nothing is kept of a message but that it completed: a long run takes no more memory than a short one.
package main

import (
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

// end is what became of one message, as the report tells it.
type end struct {
	I              int     `json:"i"`
	Mode           string  `json:"mode"`
	AtMs           int64   `json:"at_ms"`
	OK             bool    `json:"ok"`
	Error          *string `json:"error"`
	MessageID      string  `json:"message_id"`
	QueueID        int32   `json:"queue_id"`
	QueueOffset    int64   `json:"queue_offset"`
	Attempts       int     `json:"attempts"`
	Broker         string  `json:"broker"`
	MaybePersisted bool    `json:"maybe_persisted"`
}

// report takes the ends of all messages; each that was handed over must get exactly one.
type report struct {
	sync.Mutex
	handedOver, ends []byte
	good, failed     int
	lines            *json.Encoder
	err              error
}

func (all *report) complete(i int, r *mqproducer.Receipt, err error) {
	line := end{I: i, Mode: modeOf(i), AtMs: time.Now().UnixMilli(), QueueID: -1, QueueOffset: -1}
	if err == nil {
		line.OK, line.MessageID, line.Broker, line.Attempts = true, r.MessageID, r.BrokerName, r.Attempts
		line.QueueID, line.QueueOffset = r.QueueID, r.QueueOffset
	} else {
		text := err.Error()
		line.Error = &text
		var e *mqproducer.Error
		line.MaybePersisted = errors.As(err, &e) && e.MaybePersisted
	}
	all.Lock()
	defer all.Unlock()
	all.ends[i]++
	if err == nil {
		all.good++
	} else {
		all.failed++
	}
	if err := all.lines.Encode(&line); err != nil {
		all.err = err
	}
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
func (all *report) send(p *mqproducer.Producer, m *mqproducer.Message, i int, async *sync.WaitGroup) {
	ctx := context.Background()
	switch modeOf(i) {
	case "oneway":
		r, err := p.SendOneway(ctx, m)
		all.complete(i, r, err)
	case "sync":
		r, err := p.Send(ctx, m)
		all.complete(i, r, err)
	default:
		async.Add(1)
		err := p.SendAsync(ctx, m, func(r *mqproducer.Receipt, err error) {
			all.complete(i, r, err)
			async.Done()
		})
		if err != nil {
			all.complete(i, nil, err)
			async.Done()
		}
	}
}

func stopped() bool {
	stop := os.Getenv("MQP_STRESS_STOP")
	if stop == "" {
		return false
	}
	_, err := os.Stat(stop)
	return err == nil
}

func (all *report) sendAll(to []*mqproducer.Producer, topic string) (complete bool) {
	pause, _ := strconv.Atoi(os.Getenv("MQP_STRESS_PAUSE_MS"))
	var next atomic.Int64
	var senders, async sync.WaitGroup
	for g := 0; g < goroutines; g++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(all.ends) || stopped() {
					return
				}
				all.handedOver[i] = 1
				all.send(to[i/2%producers], messageOf(topic, i), i, &async)
				time.Sleep(time.Duration(pause) * time.Millisecond)
			}
		}()
	}
	senders.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, p := range to {
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

func run(url, topic string, count int, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	all := &report{handedOver: make([]byte, count), ends: make([]byte, count), lines: json.NewEncoder(file)}
	var to []*mqproducer.Producer
	for i := 0; i < producers; i++ {
		p, err := mqproducer.New(url, "go-"+string(rune('a'+i)))
		if err != nil {
			return err
		}
		if err := p.Start(); err != nil {
			return err
		}
		to = append(to, p)
	}
	if !all.sendAll(to, topic) {
		return errors.New("callbacks are missing")
	}
	all.Lock()
	defer all.Unlock()
	sent, defects := 0, 0
	for i, n := range all.ends {
		sent += int(all.handedOver[i])
		if n != all.handedOver[i] {
			defects++
			fmt.Fprintf(os.Stderr, "stress-go: message %d (%s) has %d completions\n", i, modeOf(i), n)
		}
	}
	if err := errors.Join(all.err, file.Close()); err != nil {
		return err
	}
	fmt.Printf("go: %d messages, %d ok, %d failed, %d defects\n", sent, all.good, all.failed, defects)
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
