//go:build cgo

package mqproducer

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
)

func inQueue(broker string, id int32) func(*testing.T, *Receipt, error) {
	return func(t *testing.T, r *Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if r.BrokerName != broker || r.QueueID != id {
			t.Errorf("it went to %s/%d, want %s/%d", r.BrokerName, r.QueueID, broker, id)
		}
	}
}

func TestEachSelectionChoosesAsItSays(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	m := message("T", "b")
	// "x".hashCode() is 120, "z".hashCode() 122; there are 8 queues.
	sendInEachMode(t, p, m, inQueue("broker-a", 0), WithShardingKey("x"))
	sendInEachMode(t, p, m, inQueue("broker-a", 2), WithShardingKey("z"))
	sendInEachMode(t, p, m, inQueue("broker-b", 3), WithQueue("broker-b", 3))
	sendInEachMode(t, p, m, inQueue("broker-b", 1), WithShardingKey("x"), WithQueueSelector(nil), WithQueue("broker-b", 1))

	seen, moved := map[MessageQueue]bool{}, false
	for _, key := range []string{"order-1", "order-2", "order-3", "order-4", "order-5", "order-6", "order-7", "order-8"} {
		r, err := p.Send(background, m, WithConsistentHash(key))
		if err != nil {
			t.Fatal(err)
		}
		seen[MessageQueue{r.BrokerName, r.QueueID}] = true
		hashed, err := p.Send(background, m, WithShardingKey(key))
		if err != nil {
			t.Fatal(err)
		}
		moved = moved || hashed.BrokerName != r.BrokerName || hashed.QueueID != r.QueueID
		sendInEachMode(t, p, m, inQueue(r.BrokerName, r.QueueID), WithConsistentHash(key))
	}
	if len(seen) < 2 || !moved {
		t.Errorf("the keys went to %v, other queues than by hash: %v", seen, moved)
	}
	clear(seen)
	eventually(t, "each queue had its turn", func() bool {
		r, err := p.Send(background, m, WithRandomQueue())
		if err != nil {
			t.Fatal(err)
		}
		seen[MessageQueue{r.BrokerName, r.QueueID}] = true
		return len(seen) == 8
	})
}

func TestMachineRooms(t *testing.T) {
	p := startedProducer(t, startFakeServer(t, openRoutes(), "bj@one", "sh@two", "gz@three").url)
	for i := 0; i < 4; i++ {
		r, err := p.SendOneway(background, message("T", "b"), WithMachineRooms("sh"))
		inQueue("sh@two", 0)(t, r, err)
	}
	seen := map[string]bool{}
	for i := 0; i < 4; i++ {
		r, err := p.SendOneway(background, message("T", "b"), WithMachineRooms("bj", "gz"))
		if err != nil {
			t.Fatal(err)
		}
		seen[r.BrokerName] = true
	}
	if len(seen) != 2 || !seen["bj@one"] || !seen["gz@three"] {
		t.Errorf("it went to %v", seen)
	}
	_, err := p.Send(background, message("T", "b"), WithMachineRooms("hz", "xa"))
	expect(t, err, ErrNoRoute, "hz, xa")
}

func TestAQueueSelectorIsAskedOnce(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	var kept []MessageQueue
	var calls atomic.Int32
	choose := WithQueueSelector(func(queues []MessageQueue) int {
		calls.Add(1)
		kept = queues
		return 6
	})
	sendInEachMode(t, p, message("T", "b"), inQueue("broker-b", 2), choose)
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	r, err := p.Send(ctx, message("T", "b"), choose)
	inQueue("broker-b", 2)(t, r, err)
	if calls.Load() != 4 {
		t.Errorf("it was called %d times for 4 messages", calls.Load())
	}
	if len(kept) != 8 {
		t.Fatalf("it saw %v", kept)
	}
	for i, queue := range kept {
		want := MessageQueue{BrokerName: "broker-a", QueueID: int32(i % 4)}
		if i >= 4 {
			want.BrokerName = "broker-b"
		}
		if queue != want {
			t.Errorf("queue %d is %v, want %v", i, queue, want)
		}
	}
}

func TestABadSelectionIsRefusedInEveryMode(t *testing.T) {
	records := make(chan string, 10)
	setLog(t, LevelError, func(_ Level, _, text string) { records <- text })
	p := startedProducer(t, newCluster(t).URL())
	fixed := func(index int) SendOption { return WithQueueSelector(func([]MessageQueue) int { return index }) }
	for name, c := range map[string]struct {
		option SendOption
		words  []string
	}{
		"empty key":            {WithShardingKey(""), []string{"key", "empty"}},
		"empty consistent key": {WithConsistentHash(""), []string{"key", "empty"}},
		"key not UTF-8":        {WithShardingKey("\xff"), []string{"sharding_key", "UTF-8"}},
		"no rooms":             {WithMachineRooms(), []string{"machine_rooms"}},
		"unknown queue":        {WithQueue("broker-b", 4), []string{"queue 4", "broker-b"}},
		"unknown broker":       {WithQueue("broker-c", 0), []string{"queue 0", "broker-c"}},
		"no selector":          {WithQueueSelector(nil), []string{"queue_selector"}},
		"negative index":       {fixed(-1), []string{"index -1", "8 queues"}},
		"large index":          {fixed(8), []string{"index 8", "8 queues"}},
	} {
		t.Run(name, func(t *testing.T) {
			sendInEachMode(t, p, message("T", "b"), func(t *testing.T, _ *Receipt, err error) {
				t.Helper()
				if e := expect(t, err, ErrInvalidArgument, c.words...); e.MaybePersisted {
					t.Errorf("%+v", e)
				}
			}, c.option)
		})
	}
	panics := WithQueueSelector(func([]MessageQueue) int { panic("on purpose") })
	sendInEachMode(t, p, message("T", "b"), func(t *testing.T, _ *Receipt, err error) {
		t.Helper()
		expect(t, err, ErrInvalidArgument, "selector panicked", "on purpose")
		if record := receive(t, records); !strings.Contains(record, "a queue selector panicked: on purpose") {
			t.Errorf("logged: %q", record)
		}
	}, panics)
}

func TestInAQueueSelectorNothingBlocks(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	r, err := p.Send(background, message("T", "b"), WithQueueSelector(func([]MessageQueue) int {
		_, err := p.Send(background, message("T", "inner"))
		expectInside(t, err, "Send")
		expectInside(t, p.Flush(background), "Flush")
		expectInside(t, p.Close(background), "Close")
		return 1
	}))
	inQueue("broker-a", 1)(t, r, err)
}

// expectInside checks, where a test must not end, that a call was refused because it would wait.
func expectInside(t *testing.T, err error, what string) {
	if e, ok := err.(*Error); !ok || e.Status != StatusWouldDeadlock || !strings.Contains(e.Message, what) {
		t.Errorf("%s: %v", what, err)
	}
}
