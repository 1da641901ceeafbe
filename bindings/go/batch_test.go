//go:build cgo

package mqproducer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// batchOf is messages whose bodies tell their place.
func batchOf(topic string, count int) []*Message {
	all := make([]*Message, count)
	for i := range all {
		all[i] = message(topic, fmt.Sprint("body ", i))
	}
	return all
}

// sendBatches sends a batch in each mode.
func sendBatches(
	t *testing.T, p *Producer, messages []*Message, check func(*testing.T, []BatchEnd, error), opts ...SendOption,
) {
	t.Helper()
	t.Run("sync", func(t *testing.T) {
		ends, err := p.SendBatch(background, messages, opts...)
		check(t, ends, err)
	})
	t.Run("oneway", func(t *testing.T) {
		ends, err := p.SendBatchOneway(background, messages, opts...)
		check(t, ends, err)
	})
	t.Run("async", func(t *testing.T) {
		told := make(chan outcome[[]BatchEnd], 2)
		err := p.SendBatchAsync(background, messages, func(ends []BatchEnd, err error) {
			told <- outcome[[]BatchEnd]{ends, err}
		}, opts...)
		if err != nil {
			check(t, nil, err)
			return
		}
		o := receive(t, told)
		check(t, o.value, o.err)
		if err := p.Flush(background); err != nil {
			t.Error(err)
		}
		if len(told) != 0 {
			t.Error("called back again")
		}
	})
}

func awaitMessages(t *testing.T, cluster *MockCluster, topic string, count int) []MockMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	if err := cluster.Wait(ctx, topic, count); err != nil {
		t.Fatal(err)
	}
	stored, err := cluster.Messages(topic)
	if err != nil || len(stored) != count {
		t.Fatalf("%d messages, %v", len(stored), err)
	}
	return stored
}

func TestABatchIsStoredAsItsMessages(t *testing.T) {
	cluster := newCluster(t)
	all := make(chan seen, 10)
	p := hookedProducer(t, cluster.URL(), []Hook{recording(all)})
	sent := []*Message{
		{Topic: "T", Body: everyByte(), Tags: "tag", Keys: "k1 k2", Flag: -7, Properties: map[string]string{"é": "ü"}},
		message("T", "second"),
		{Topic: "T", Body: []byte("third"), ShardingKey: "order-1", TraceParent: traceParent},
	}
	sendBatches(t, p, sent, func(t *testing.T, ends []BatchEnd, err error) {
		if err != nil || len(ends) != len(sent) {
			t.Fatalf("%d ends, %v", len(ends), err)
		}
		for i, stored := range awaitMessages(t, cluster, "T", 3) {
			r := ends[i].Receipt
			if ends[i].Err != nil || !bytes.Equal(stored.Body, sent[i].Body) || stored.Tags != sent[i].Tags ||
				stored.Keys != sent[i].Keys || stored.Flag != sent[i].Flag || r.MessageID != stored.MessageID ||
				r.BrokerName != stored.BrokerName || r.QueueID != stored.QueueID {
				t.Errorf("%d: %+v and %+v", i, r, stored)
			}
			if strings.HasSuffix(t.Name(), "/oneway") {
				if r.SendStatus != SendUnconfirmed || r.QueueOffset != -1 {
					t.Errorf("%+v", r)
				}
			} else if r.SendStatus != SendOK || r.QueueOffset != stored.QueueOffset ||
				r.OffsetMessageID != stored.OffsetMessageID {
				t.Errorf("%d: %+v and %+v", i, r, stored)
			}
			if p := stored.Properties; i == 0 && p["é"] != "ü" ||
				i == 2 && (p["__SHARDINGKEY"] != "order-1" || p["traceparent"] != traceParent) {
				t.Errorf("%d: %q", i, p)
			}
		}
		checkBatchSeen(t, all, sent)
		if err := cluster.Clear(); err != nil {
			t.Fatal(err)
		}
	})
	if requests, _, err := cluster.Requests("", codeSendBatch); err != nil || len(requests) != 3 {
		t.Errorf("%d requests, %v", len(requests), err)
	}
}

func checkBatchSeen(t *testing.T, all <-chan seen, sent []*Message) {
	t.Helper()
	for _, what := range []string{"check", "before", "after"} {
		got := receive(t, all)
		if got.what != what || got.context.MessageCount != len(sent) || got.context.Topic != "T" {
			t.Errorf("%s: %+v", what, got)
		}
		if what == "after" {
			if got.err != nil || strings.Count(got.receipt.MessageID, ",") != len(sent)-1 || got.batch != nil {
				t.Errorf("%+v", got)
			}
		} else if got.message.Topic != "T" || len(got.message.Body) != 0 || !reflect.DeepEqual(got.batch, sent) {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func TestABatchIsSplit(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	messages := batchOf("T", 10)
	ends, err := p.SendBatch(background, messages, WithSplit(300), WithShardingKey("k"))
	if err != nil || len(ends) != 10 {
		t.Fatalf("%d ends, %v", len(ends), err)
	}
	requests, _, err := cluster.Requests("", codeSendBatch)
	if err != nil || len(requests) < 3 || len(requests) > 9 {
		t.Errorf("%d requests, %v", len(requests), err)
	}
	// The selector holds, too: one queue, in order.
	for i, stored := range awaitMessages(t, cluster, "T", 10) {
		if string(stored.Body) != fmt.Sprint("body ", i) || int(stored.QueueOffset) != i {
			t.Errorf("%d: %+v", i, stored)
		}
	}
}

func TestOfASplitBatchPartMayFail(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithRetries(0))
	told := make(chan outcome[[]BatchEnd], 1)
	for mode, send := range map[string]func([]*Message, SendOption){
		"sync": func(messages []*Message, split SendOption) {
			ends, err := p.SendBatch(background, messages, split)
			told <- outcome[[]BatchEnd]{ends, err}
		},
		"async": func(messages []*Message, split SendOption) {
			err := p.SendBatchAsync(background, messages, func(ends []BatchEnd, err error) {
				told <- outcome[[]BatchEnd]{ends, err}
			}, split)
			if err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(mode, func(t *testing.T) {
			push(t, cluster, MockFault{Action: MockFaultAnswer, RequestCode: codeSendBatch, Count: 1, ResponseCode: 13})
			send(batchOf("T", 6), WithSplit(300))
			o := receive(t, told)
			e := expect(t, o.err, ErrBroker, "0")
			if e.BrokerCode != 13 || len(o.value) != 6 {
				t.Fatalf("%+v, %d ends", e, len(o.value))
			}
			bodies := map[string]bool{}
			stored, err := cluster.Messages("T")
			if err != nil || len(stored) == 0 || len(stored) == 6 {
				t.Fatalf("%d messages, %v", len(stored), err)
			}
			for _, m := range stored {
				bodies[string(m.Body)] = true
			}
			for i, end := range o.value {
				if is := bodies[fmt.Sprint("body ", i)]; is != (end.Err == nil) || is != (end.Receipt != nil) {
					t.Errorf("%d: stored %v, %+v", i, is, end)
				}
				if end.Err != nil {
					expect(t, end.Err, ErrBroker)
				}
			}
			if err := cluster.Clear(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestBadBatchesAreRefused(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithMaxMessageSize(1000))
	good := message("T", "b")
	for name, c := range map[string]struct {
		messages []*Message
		opts     []SendOption
		want     error
		words    []string
	}{
		"none":        {nil, nil, ErrInvalidArgument, nil},
		"nil":         {[]*Message{good, nil}, nil, ErrInvalidArgument, []string{"message 1"}},
		"empty body":  {[]*Message{good, message("T", "")}, nil, ErrInvalidMessage, []string{"1", "body"}},
		"two topics":  {[]*Message{good, message("U", "b")}, nil, ErrInvalidMessage, []string{"1", "topic"}},
		"delay":       {[]*Message{good, {Topic: "T", Body: good.Body, DelayLevel: 1}}, nil, ErrInvalidMessage, []string{"1", "delay"}},
		"bad delay":   {[]*Message{good, {Topic: "T", Body: good.Body, Delay: -1}}, nil, ErrInvalidMessage, []string{"message 1", "Delay"}},
		"too large":   {[]*Message{good, message("T", strings.Repeat("b", 999))}, nil, ErrMessageTooLarge, []string{"1000"}},
		"split of 0":  {[]*Message{good}, []SendOption{WithSplit(0)}, ErrInvalidArgument, []string{"0"}},
		"large split": {[]*Message{good}, []SendOption{WithSplit(1001)}, ErrInvalidArgument, []string{"split", "1001", "1000"}},
		"huge split":  {[]*Message{good}, []SendOption{WithSplit(1 << 40)}, ErrInvalidArgument, []string{"1099511627776"}},
	} {
		t.Run(name, func(t *testing.T) {
			sendBatches(t, p, c.messages, func(t *testing.T, ends []BatchEnd, err error) {
				t.Helper()
				expect(t, err, c.want, c.words...)
				if ends != nil {
					t.Errorf("%+v", ends)
				}
			}, c.opts...)
		})
	}
	expect(t, p.SendBatchAsync(background, []*Message{good}, nil), ErrInvalidArgument, "done")
	_, err := p.Send(background, good, WithSplit(5))
	expect(t, err, ErrInvalidArgument, "WithSplit")
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if n, err := cluster.MessageCount(""); n != 0 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}

func TestABatchHasItsContextsEnd(t *testing.T) {
	p := startedProducer(t, silentBroker(t), WithTimeout(time.Hour))
	ctx, cancel := context.WithTimeout(background, 300*time.Millisecond)
	defer cancel()
	ends, err := p.SendBatch(ctx, batchOf("T", 2))
	if e := expect(t, err, ErrTimeout); !errors.Is(err, context.DeadlineExceeded) || !e.MaybePersisted {
		t.Errorf("%+v", e)
	}
	for _, end := range ends {
		if expect(t, end.Err, ErrTimeout); !errors.Is(end.Err, context.DeadlineExceeded) {
			t.Errorf("%+v", end)
		}
	}
	// One in whose flight nothing is left of the batch before.
	p = startedProducer(t, silentBroker(t), WithTimeout(time.Hour))
	ctx, cancel = context.WithCancel(background)
	canceled := make(chan error, 1)
	go func() {
		_, err := p.SendBatch(ctx, batchOf("T", 2))
		canceled <- err
	}()
	eventually(t, "it is in flight", func() bool { return hasMessages(p) })
	cancel()
	if e := expect(t, receive(t, canceled), ErrCanceled); !e.MaybePersisted {
		t.Errorf("%+v", e)
	}
}

// Close comes while batches are in flight: each ends once.
func TestEachBatchEndsOnce(t *testing.T) {
	p := startedProducer(t, silentBroker(t), WithTimeout(time.Hour))
	var ends atomic.Int32
	told := make(chan []BatchEnd, 40)
	for i := 0; i < 20; i++ {
		err := p.SendBatchAsync(background, batchOf("T", 3), func(all []BatchEnd, err error) {
			ends.Add(1)
			told <- all
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	expect(t, p.Close(ctx), ErrTimeout)
	for i := 0; i < 20; i++ {
		all := receive(t, told)
		if len(all) != 3 {
			t.Fatalf("%d ends", len(all))
		}
		for _, end := range all {
			expect(t, end.Err, ErrClosed)
		}
	}
	eventually(t, "the producer is freed", func() bool { return p.refs.Load() == 0 })
	if ends.Load() != 20 {
		t.Errorf("%d ends", ends.Load())
	}
}

func TestSingleSendsThatAutoBatchGathers(t *testing.T) {
	const most, delay = 100, 30 * time.Second
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(),
		With("auto_batch", true), With("batch_max_delay_ms", delay), WithTimeout(10*time.Minute))
	told := make(chan outcome[*Receipt], most)
	for _, m := range batchOf("T", most) {
		if err := p.SendAsync(background, m, func(r *Receipt, err error) { told <- outcome[*Receipt]{r, err} }); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the library has them", func() bool {
		s, err := p.Statistics()
		return err == nil && count(t, s).Accepted == most
	})
	begun := time.Now()
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took >= delay {
		t.Errorf("the flush took %v: it waited for the batch's delay", took)
	}
	offsets := map[string]int64{}
	for i := 0; i < most; i++ {
		o := receive(t, told)
		if o.err != nil {
			t.Fatal(o.err)
		}
		offsets[o.value.MessageID] = o.value.QueueOffset
	}
	stored := awaitMessages(t, cluster, "T", most)
	for i, m := range stored {
		if offset, ok := offsets[m.MessageID]; !ok || offset != m.QueueOffset || string(m.Body) != fmt.Sprint("body ", i) {
			t.Errorf("%d: %+v, told %d, %v", i, m, offset, ok)
		}
	}
	// The last one may come when the others have just gone.
	for code, bounds := range map[int32][2]int{codeSendBatch: {1, 2}, codeSend: {0, 1}} {
		if requests, _, err := cluster.Requests("", code); err != nil || len(requests) < bounds[0] || len(requests) > bounds[1] {
			t.Errorf("%d requests of code %d, %v", len(requests), code, err)
		}
	}
}
