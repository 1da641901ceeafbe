//go:build cgo

package mqproducer

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counted is a part of what statistics hold.
type counted struct {
	ProducerGroup string `json:"producer_group"`
	Accepted      int    `json:"accepted_messages_total"`
	AcceptedBytes int    `json:"accepted_bytes_total"`
	Acknowledged  int    `json:"acknowledged_messages_total"`
	Oneway        int    `json:"oneway_messages_total"`
	Batches       int    `json:"batches_total"`
	Refused       []struct {
		Cause string `json:"cause"`
		Value int    `json:"value"`
	} `json:"refused_sends_total"`
}

func count(t *testing.T, s *Statistics) (c counted) {
	t.Helper()
	if err := json.Unmarshal(s.JSON, &c); err != nil {
		t.Fatalf("%v in %s", err, s.JSON)
	}
	return c
}

func TestStatisticsCount(t *testing.T) {
	cluster := newCluster(t)
	p := newProducerOf(t, cluster.URL())
	s, err := p.Statistics()
	if err != nil || count(t, s).Accepted != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(background, message("T", "four")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SendOneway(background, message("T", "four")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SendBatch(background, []*Message{message("T", "one"), message("T", "two")}); err != nil {
		t.Fatal(err)
	}
	_, err = p.Send(background, message("", "b"))
	expect(t, err, ErrInvalidMessage)
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if s, err = p.Statistics(); err != nil {
		t.Fatal(err)
	}
	c := count(t, s)
	if len(c.Refused) != 1 || c.Refused[0].Cause != "INVALID_MESSAGE" || c.Refused[0].Value != 1 {
		t.Errorf("refused: %+v", c.Refused)
	}
	c.Refused = nil
	want := counted{ProducerGroup: "go-tests", Accepted: 4, AcceptedBytes: 14, Acknowledged: 3, Oneway: 1, Batches: 1}
	if c.Accepted != want.Accepted || c.AcceptedBytes != want.AcceptedBytes || c.Acknowledged != want.Acknowledged ||
		c.Oneway != want.Oneway || c.Batches != want.Batches || c.ProducerGroup != want.ProducerGroup {
		t.Errorf("%+v, want %+v", c, want)
	}
	if !strings.Contains(s.Prometheus, "\nmqproducer_accepted_messages_total{") ||
		!strings.Contains(s.Prometheus, `producer_group="go-tests"`) {
		t.Error(s.Prometheus)
	}
	// As many as the cluster holds.
	awaitMessages(t, cluster, "T", c.Acknowledged+c.Oneway)
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	closed, err := p.Statistics()
	if err != nil || count(t, closed).Acknowledged != c.Acknowledged || closed.Prometheus == "" {
		t.Errorf("%+v, %v", closed, err)
	}
	_, err = (&Producer{}).Statistics()
	expect(t, err, ErrClosed)
	expect(t, p.SetStatisticsCallback(func(*Statistics) {}), ErrClosed)
}

func TestStatisticsAreToldAgainAndAgain(t *testing.T) {
	panics := make(chan string, 1000)
	setLog(t, LevelError, func(_ Level, _, text string) {
		if strings.Contains(text, "panicked") {
			panics <- text
		}
	})
	p := newProducerOf(t, newCluster(t).URL(), With("statistics_interval", 10*time.Millisecond))
	expect(t, p.SetStatisticsCallback(nil), ErrInvalidArgument, "tell")
	released := make(chan string, 1)
	told := make(chan counted, 1000)
	var flushed atomic.Value
	var replaced atomic.Int32
	for _, tell := range []func(*Statistics){
		func(*Statistics) { replaced.Add(1) },
		func() func(*Statistics) {
			w := watch("the callback", released)
			return func(s *Statistics) {
				_ = w.text
				flushed.CompareAndSwap(nil, p.Flush(background))
				told <- count(t, s)
				panic("on purpose")
			}
		}(),
	} {
		if err := p.SetStatisticsCallback(tell); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	expect(t, p.SetStatisticsCallback(func(*Statistics) {}), ErrAlreadyStarted)
	receive(t, told)
	if _, err := p.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	for receive(t, told).Acknowledged != 1 {
	}
	if record := receive(t, panics); !strings.Contains(record, "the statistics callback panicked: on purpose") {
		t.Errorf("logged %q", record)
	}
	expect(t, flushed.Load().(error), ErrWouldDeadlock)
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	if replaced.Load() != 0 {
		t.Error("the one that was replaced was called")
	}
	awaitRelease(t, released, "the callback")
}
