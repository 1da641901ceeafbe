//go:build cgo

package mqproducer

import (
	"testing"
	"time"
)

func TestBrokersThatAnswerAreHealthy(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL(), With("send_latency_enable", true))
	if all, err := p.Brokers(); err != nil || len(all) != 0 {
		t.Fatalf("before any route: %+v, %v", all, err)
	}
	if _, err := p.Send(background, message("T", "b"), WithQueue("broker-b", 0)); err != nil {
		t.Fatal(err)
	}
	all, err := p.Brokers()
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, name := range []string{"broker-a", "broker-b"} {
		b := all[i]
		if b.Name != name || b.Address == "" || b.Health != BrokerHealthy || !b.Until.IsZero() {
			t.Errorf("%+v", b)
		}
		if (b.Latency >= 0) != (name == "broker-b") || b.Latency > patience {
			t.Errorf("the latency of %s is %v", name, b.Latency)
		}
	}
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	_, err = p.Brokers()
	expect(t, err, ErrClosed)
}

func TestABrokerThatDoesNotAnswerIsIsolated(t *testing.T) {
	p := startedProducer(t, silentBroker(t), WithTimeout(300*time.Millisecond), With("send_latency_enable", true))
	_, err := p.Send(background, message("T", "b"))
	expect(t, err, ErrTimeout)
	all, err := p.Brokers()
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	b := all[0]
	if b.Name != "silent" || b.Health != BrokerIsolated || b.Latency <= 0 || time.Until(b.Until) < time.Second ||
		time.Until(b.Until) > time.Hour {
		t.Errorf("%+v", b)
	}
}
