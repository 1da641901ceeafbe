//go:build cgo

package mqproducer

import (
	"context"
	"errors"
	"testing"
	"time"
)

func push(t testing.TB, cluster *MockCluster, fault MockFault) {
	t.Helper()
	if err := cluster.PushFault(fault); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsHitRequests(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithRetries(0), WithTimeout(patience))
	push(t, cluster, MockFault{
		Action: MockFaultAnswer, Broker: "broker-a", RequestCode: codeSend, Count: 1, ResponseCode: 2, Remark: "too busy é",
	})
	m := message("T", "b")
	if _, err := p.Send(background, m, WithQueue("broker-b", 0)); err != nil {
		t.Fatal(err)
	}
	_, err := p.Send(background, m, WithQueue("broker-a", 0))
	if e := expect(t, err, ErrBroker); e.BrokerCode != 2 || e.Remark != "too busy é" {
		t.Errorf("%+v", e)
	}
	if _, err := p.Send(background, m, WithQueue("broker-a", 0)); err != nil {
		t.Fatal(err)
	}
	push(t, cluster, MockFault{
		Action: MockFaultChangeAnswer, RequestCode: codeSend, Count: 1, ResponseCode: 10, Delay: 5 * time.Millisecond,
	})
	if r, err := p.Send(background, m); err != nil || r.SendStatus != SendFlushDiskTimeout {
		t.Errorf("%+v, %v", r, err)
	}
	push(t, cluster, MockFault{Action: MockFaultCloseAfter, RequestCode: codeSend, Count: 1})
	_, err = p.Send(background, m)
	if e := expect(t, err, ErrConnectionLost); !e.MaybePersisted {
		t.Errorf("%+v", e)
	}
	push(t, cluster, MockFault{Action: MockFaultGarbage, RequestCode: codeSend, Count: 1, Bytes: []byte("garbage, and a lot of it")})
	ctx, cancel := context.WithTimeout(background, 500*time.Millisecond)
	defer cancel()
	if _, err = p.Send(ctx, m); err == nil {
		t.Error("garbage was taken for an answer")
	}
	push(t, cluster, MockFault{Action: MockFaultDrop, RequestCode: codeSend})
	if err := cluster.ClearFaults(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(background, m); err != nil {
		t.Fatal(err)
	}
	checkFaults(t, cluster)
}

func checkFaults(t *testing.T, cluster *MockCluster) {
	t.Helper()
	requests, forgotten, err := cluster.Requests("", codeSend)
	if err != nil || forgotten != 0 {
		t.Fatalf("%v, %d forgotten", err, forgotten)
	}
	want := []MockFaultAction{
		MockFaultNone, MockFaultAnswer, MockFaultNone, MockFaultChangeAnswer, MockFaultCloseAfter, MockFaultGarbage, MockFaultNone,
	}
	if len(requests) != len(want) {
		t.Fatalf("%d requests", len(requests))
	}
	for i, r := range requests {
		if r.Fault != want[i] || r.Code != codeSend || r.Oneway || string(r.Body) != "b" || r.Fields["b"] != "T" ||
			r.BrokerName == "" || time.Since(r.ReceivedAt) > time.Minute {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if n, err := cluster.MessageCount("T"); n != 5 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}

func TestRequestsAreListedAndAwaited(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	ends := make(chan error, 1)
	go func() { ends <- cluster.WaitRequests(ctx, "broker-b", codeSend, 2) }()
	for i := 0; i < 2; i++ {
		if _, err := p.SendOneway(background, message("T", "b"), WithQueue("broker-b", 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := receive(t, ends); err != nil {
		t.Fatal(err)
	}
	requests, _, err := cluster.Requests("1", codeSend)
	if err != nil || len(requests) != 2 || !requests[0].Oneway || requests[0].BrokerName != "broker-b" ||
		requests[0].Opaque == requests[1].Opaque {
		t.Errorf("%+v, %v", requests, err)
	}
	if requests, _, err = cluster.Requests("broker-a", codeSend); err != nil || len(requests) != 0 {
		t.Errorf("%+v, %v", requests, err)
	}
	// Routes have no body.
	if requests, _, err = cluster.Requests("name-server", codeRoute); err != nil || len(requests) == 0 || len(requests[0].Body) != 0 {
		t.Errorf("%+v, %v", requests, err)
	}
	if err := cluster.ClearRequests(); err != nil {
		t.Fatal(err)
	}
	if requests, _, err = cluster.Requests("", codeSend); err != nil || len(requests) != 0 {
		t.Errorf("%+v, %v", requests, err)
	}
	short, stop := context.WithTimeout(background, time.Millisecond)
	defer stop()
	err = cluster.WaitRequests(short, "", codeSend, 1)
	if expect(t, err, ErrTimeout); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	canceled, stop := context.WithCancel(background)
	stop()
	expect(t, cluster.WaitRequests(canceled, "", codeSend, 1), ErrCanceled)
}

func TestABrokerLeavesAndComesBack(t *testing.T) {
	cluster := newCluster(t)
	state := func(broker string, state MockBrokerState) {
		t.Helper()
		if err := cluster.SetBrokerState(broker, state); err != nil {
			t.Fatal(err)
		}
	}
	state("broker-a", MockBrokerOutOfRoute)
	p := startedProducer(t, cluster.URL(), WithRetries(0))
	for i := 0; i < 8; i++ {
		if r, err := p.Send(background, message("T", "b")); err != nil || r.BrokerName != "broker-b" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	state("1", MockBrokerStopped)
	if _, err := p.Send(background, message("T", "b")); err == nil {
		t.Error("a stopped broker answered")
	}
	state("broker-a", MockBrokerUp)
	state("broker-b", MockBrokerUp)
	again := startedProducer(t, cluster.URL(), WithRetries(0))
	seen := map[string]bool{}
	for i := 0; i < 16; i++ {
		r, err := again.Send(background, message("New", "b"))
		if err != nil {
			t.Fatal(err)
		}
		seen[r.BrokerName] = true
	}
	if len(seen) != 2 {
		t.Errorf("sent to %v", seen)
	}
	state("name-server", MockBrokerStopped)
	lost := startedProducer(t, cluster.URL(), WithTimeout(time.Second))
	_, err := lost.Send(background, message("Other", "b"))
	expect(t, err, ErrNoNameServer)
}

func TestBadScriptsAreRefused(t *testing.T) {
	cluster := newCluster(t)
	for _, fault := range []MockFault{
		{Action: 99},
		{},
		{Action: MockFaultDrop, Broker: "broker-z"},
		{Action: MockFaultDrop, Remark: "not read"},
		{Action: MockFaultDelay, Delay: time.Microsecond},
		{Action: MockFaultDelay, Delay: -time.Second},
		{Action: MockFaultDelay, Delay: 2 * time.Hour},
	} {
		expect(t, cluster.PushFault(fault), ErrInvalidArgument)
	}
	expect(t, cluster.SetBrokerState("broker-z", MockBrokerUp), ErrInvalidArgument, "broker-z")
	expect(t, cluster.SetBrokerState("broker-a", 99), ErrInvalidArgument, "99")
	_, _, err := cluster.Requests("broker-z", 0)
	expect(t, err, ErrInvalidArgument)
	expect(t, cluster.WaitRequests(background, "broker-z", 0, 1), ErrInvalidArgument)
	expect(t, cluster.Echo("\xff"), ErrInvalidArgument, "UTF-8")
	cluster.Close()
	for _, call := range []func() error{
		func() error { return cluster.PushFault(MockFault{Action: MockFaultDrop}) }, cluster.ClearFaults,
		func() error { return cluster.SetBrokerState("0", MockBrokerUp) }, cluster.ClearRequests,
		func() error { _, _, err := cluster.Requests("", 0); return err },
		func() error { return cluster.WaitRequests(background, "", 0, 1) }, func() error { return cluster.Echo("T") },
	} {
		expect(t, call(), ErrClosed, "cluster")
	}
}

func TestNamesOfFaults(t *testing.T) {
	for action, name := range map[MockFaultAction]string{
		MockFaultNone: "NONE", MockFaultLoseAnswer: "LOSE_ANSWER", MockFaultStopReading: "STOP_READING", 99: "MockFaultAction(99)",
	} {
		if action.String() != name {
			t.Errorf("%d is called %s", uint32(action), action)
		}
	}
}
