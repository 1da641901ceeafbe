//go:build cgo

package mqproducer

import (
	"math"
	"strings"
	"testing"
	"time"
)

// The codes of requests that tests ask the cluster for.
const (
	codeSend      = 310
	codeSendBatch = 320
)

// sentProperties are the properties of the only send that came to a cluster.
func sentProperties(t *testing.T, cluster *MockCluster) map[string]string {
	t.Helper()
	requests, _, err := cluster.Requests("", codeSend)
	if err != nil || len(requests) != 1 {
		t.Fatalf("%d requests, %v", len(requests), err)
	}
	properties := map[string]string{}
	// In the short header a send's properties are the field i.
	for _, pair := range strings.Split(strings.TrimSuffix(requests[0].Fields["i"], "\x02"), "\x02") {
		name, value, _ := strings.Cut(pair, "\x01")
		properties[name] = value
	}
	return properties
}

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestEachFieldIsAProperty(t *testing.T) {
	at := time.UnixMilli(time.Now().UnixMilli() + 60_123)
	with := func(change func(*Message)) *Message {
		m := message("T", "b")
		change(m)
		return m
	}
	cluster := newCluster(t)
	messages := make(chan *Message, 1)
	gathering := startedProducer(t, cluster.URL())
	gathering.gather.learn("T")
	p := hookedProducer(t, cluster.URL(), []Hook{{BeforeSend: func(c HookContext) { messages <- c.Message() }}})
	for name, c := range map[string]struct {
		message     *Message
		name, value string
	}{
		"level":        {with(func(m *Message) { m.DelayLevel = 3 }), "DELAY", "3"},
		"seconds":      {with(func(m *Message) { m.Delay = 90 * time.Second }), "TIMER_DELAY_SEC", "90"},
		"milliseconds": {with(func(m *Message) { m.Delay = 1500 * time.Millisecond }), "TIMER_DELAY_MS", "1500"},
		"time":         {with(func(m *Message) { m.DeliverAt = at }), "TIMER_DELIVER_MS", formatMillis(at)},
		"priority":     {with(func(m *Message) { m.HasPriority, m.Priority = true, 2 }), "_SYS_MSG_PRIORITY_", "2"},
		"least":        {with(func(m *Message) { m.HasPriority = true }), "_SYS_MSG_PRIORITY_", "0"},
		"lite topic":   {with(func(m *Message) { m.LiteTopic = "lite" }), "__LITE_TOPIC", "lite"},
		"sharding key": {with(func(m *Message) { m.ShardingKey = "order-1" }), "__SHARDINGKEY", "order-1"},
		"trace parent": {with(func(m *Message) { m.TraceParent = traceParent }), "traceparent", traceParent},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range []*Producer{gathering, p} {
				if err := cluster.ClearRequests(); err != nil {
					t.Fatal(err)
				}
				if _, err := p.Send(background, c.message); err != nil {
					t.Fatal(err)
				}
				if got := sentProperties(t, cluster); got[c.name] != c.value {
					t.Errorf("%s is %q in %q", c.name, got[c.name], got)
				}
			}
			seen := *receive(t, messages)
			if !seen.DeliverAt.Equal(c.message.DeliverAt) {
				t.Errorf("the hook saw %v", seen.DeliverAt)
			}
			seen.DeliverAt = c.message.DeliverAt
			if seen.DelayLevel != c.message.DelayLevel || seen.Delay != c.message.Delay ||
				seen.HasPriority != c.message.HasPriority || seen.Priority != c.message.Priority ||
				seen.LiteTopic != c.message.LiteTopic || seen.ShardingKey != c.message.ShardingKey ||
				seen.TraceParent != c.message.TraceParent {
				t.Errorf("the hook saw %+v", seen)
			}
		})
	}
}

func TestBadFieldsAreRefused(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	with := func(change func(*Message)) *Message {
		m := message("T", "b")
		change(m)
		return m
	}
	_, err := p.Send(background, with(func(m *Message) { m.Priority = 4 }))
	expect(t, err, ErrInvalidArgument, "priority", "4")
	for name, c := range map[string]struct {
		message *Message
		words   []string
	}{
		"negative delay": {with(func(m *Message) { m.Delay = -time.Second }), []string{"Delay", "-1s"}},
		"broken delay":   {with(func(m *Message) { m.Delay = time.Microsecond }), []string{"Delay", "1µs", "millisecond"}},
		"large level":    {with(func(m *Message) { m.DelayLevel = math.MaxUint32 }), []string{"delay_level", "4294967295"}},
		"two delays":     {with(func(m *Message) { m.Delay, m.DelayLevel = time.Second, 1 }), []string{"delay_level", "delay_seconds"}},
		"before 1970":    {with(func(m *Message) { m.DeliverAt = time.UnixMilli(-5) }), []string{"deliver_at_ms", "-5"}},
		"low priority":   {with(func(m *Message) { m.HasPriority, m.Priority = true, -1 }), []string{"priority", "-1"}},
		"trace parent":   {with(func(m *Message) { m.TraceParent = "00-xyz" }), []string{"trace"}},
		"lite topic":     {with(func(m *Message) { m.LiteTopic = "a\x01" }), []string{"lite_topic"}},
	} {
		t.Run(name, func(t *testing.T) {
			sendInEachMode(t, p, c.message, func(t *testing.T, _ *Receipt, err error) {
				t.Helper()
				expect(t, err, ErrInvalidMessage, c.words...)
			})
		})
	}
}
