//go:build cgo

package mqproducer

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestAClusterIsSharedByItsName(t *testing.T) {
	cluster, err := NewMockCluster("go-shared", 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	again, err := NewMockCluster("go-shared", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := startedProducer(t, "mock://go-shared")
	for _, topic := range []string{"A", "B", "A"} {
		if _, err := p.Send(background, message(topic, "in "+topic)); err != nil {
			t.Fatal(err)
		}
	}
	for topic, want := range map[string]int{"": 3, "A": 2, "B": 1, "C": 0} {
		n, err := again.MessageCount(topic)
		if err != nil || n != want {
			t.Errorf("topic %q: %d messages, %v", topic, n, err)
		}
		if all, err := again.Messages(topic); err != nil || len(all) != want {
			t.Errorf("topic %q: %d messages, %v", topic, len(all), err)
		}
	}
	again.Close()
	again.Close()
	_, err = again.Messages("")
	expect(t, err, ErrClosed, "cluster")
	_, err = again.MessageCount("")
	expect(t, err, ErrClosed)
	expect(t, again.Clear(), ErrClosed)
	if err := cluster.Clear(); err != nil {
		t.Fatal(err)
	}
	if n, err := cluster.MessageCount(""); err != nil || n != 0 {
		t.Errorf("%d messages after Clear, %v", n, err)
	}
}

func TestBadClustersAreRefused(t *testing.T) {
	for _, c := range []struct {
		name            string
		brokers, queues int
		words           []string
	}{
		{"", 65, 1, []string{"brokers", "65", "64"}},
		{"", -1, 1, []string{"brokers", "-1"}},
		{"", 1, 1025, []string{"queues", "1025", "1024"}},
		{"\xff", 1, 1, []string{"name", "UTF-8"}},
	} {
		cluster, err := NewMockCluster(c.name, c.brokers, c.queues)
		if cluster != nil {
			t.Error("a cluster came")
		}
		expect(t, err, ErrInvalidArgument, c.words...)
	}
}

func TestTheURLOfACluster(t *testing.T) {
	cluster := newCluster(t)
	if !strings.HasPrefix(cluster.URL(), "rocketmq://127.0.0.1:") && !strings.HasPrefix(cluster.URL(), "mock://") {
		t.Error(cluster.URL())
	}
	cluster.Close()
	if cluster.URL() == "" {
		t.Error("it is lost with the cluster")
	}
}

func TestWaitingForMessages(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	ctx, cancel := context.WithCancel(background)
	ends := make(chan error, 1)
	go func() { ends <- cluster.Wait(ctx, "T", 2) }()
	for i := 0; i < 2; i++ {
		if _, err := p.SendOneway(background, message("T", "b")); err != nil {
			t.Fatal(err)
		}
	}
	if err := receive(t, ends); err != nil {
		t.Fatal(err)
	}
	go func() { ends <- cluster.Wait(ctx, "", 3) }()
	cancel()
	expect(t, receive(t, ends), ErrCanceled)
	late, stop := context.WithTimeout(background, time.Millisecond)
	defer stop()
	expect(t, cluster.Wait(late, "other", 1), ErrTimeout)
	go func() { ends <- cluster.Wait(background, "", 3) }()
	cluster.Close()
	expect(t, receive(t, ends), ErrClosed)
}
