//go:build cgo

package mqproducer

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func echoCluster(t testing.TB, topic string) *MockCluster {
	t.Helper()
	cluster := newCluster(t)
	if err := cluster.Echo(topic); err != nil {
		t.Fatal(err)
	}
	return cluster
}

// ask makes a request in each mode.
func ask(t *testing.T, p *Producer, ctx context.Context, m *Message, check func(*testing.T, *ReceivedMessage, error)) {
	t.Helper()
	t.Run("sync", func(t *testing.T) {
		reply, err := p.Request(ctx, m)
		check(t, reply, err)
	})
	t.Run("async", func(t *testing.T) {
		ends := make(chan outcome[*ReceivedMessage], 2)
		err := p.RequestAsync(ctx, m, func(r *ReceivedMessage, err error) { ends <- outcome[*ReceivedMessage]{r, err} })
		if err != nil {
			check(t, nil, err)
			return
		}
		o := receive(t, ends)
		check(t, o.value, o.err)
		if err := p.Flush(background); err != nil {
			t.Error(err)
		}
		if len(ends) != 0 {
			t.Error("called back again")
		}
	})
}

func TestARequestGetsItsReply(t *testing.T) {
	cluster := echoCluster(t, "Ask")
	p := startedProducer(t, cluster.URL())
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	asked := &Message{Topic: "Ask", Body: everyByte(), Tags: "tag", Keys: "k1 k2", Properties: map[string]string{"mine": "é"}}
	ask(t, p, ctx, asked, func(t *testing.T, reply *ReceivedMessage, err error) {
		if err != nil {
			t.Fatal(err)
		}
		stored, err := cluster.Messages("Ask")
		if err != nil || len(stored) == 0 {
			t.Fatalf("%d messages, %v", len(stored), err)
		}
		var request *MockMessage
		for i := range stored {
			if stored[i].Properties["CORRELATION_ID"] == reply.Properties["CORRELATION_ID"] {
				request = &stored[i]
			}
		}
		if request == nil || !bytes.Equal(request.Body, asked.Body) || request.Tags != "tag" ||
			request.Properties["mine"] != "é" {
			t.Fatalf("stored: %+v", request)
		}
		if !bytes.Equal(reply.Body, asked.Body) || reply.Topic == "" || reply.QueueOffset != -1 ||
			reply.CommitLogOffset != -1 || reply.OffsetMessageID != "" || reply.MessageID == "" {
			t.Errorf("%+v", reply)
		}
		if age := time.Since(reply.StoredAt); age < -time.Second || age > time.Minute {
			t.Errorf("stored at %v", reply.StoredAt)
		}
	})
}

// warm opens the connections that a topic needs, so that a short deadline is not spent on them.
func warm(t *testing.T, p *Producer, topic string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	for _, broker := range []string{"broker-a", "broker-b"} {
		if _, err := p.Send(ctx, message(topic, "b"), WithQueue(broker, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARequestWithoutAReply(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	warm(t, p, "Nobody")
	ctx, cancel := context.WithTimeout(background, time.Second)
	defer cancel()
	ends := make(chan error, 1)
	if err := p.RequestAsync(ctx, message("Nobody", "b"), func(_ *ReceivedMessage, err error) { ends <- err }); err != nil {
		t.Fatal(err)
	}
	_, err := p.Request(ctx, message("Nobody", "b"))
	for _, err := range []error{err, receive(t, ends)} {
		e := expect(t, err, ErrRequestTimeout)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrTimeout) || !e.MaybePersisted || !e.Retriable ||
			e.Code != 10006 || !e.HasCode || e.Name != "REQUEST_TIMEOUT" {
			t.Errorf("%+v", e)
		}
	}
	// The configured deadline holds where the context has none.
	short := startedProducer(t, newCluster(t).URL(), WithTimeout(500*time.Millisecond))
	warm(t, short, "Nobody")
	ask(t, short, background, message("Nobody", "b"), func(t *testing.T, _ *ReceivedMessage, err error) {
		expect(t, err, ErrRequestTimeout)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Error("no context had a deadline")
		}
	})
}

func TestCancellingARequest(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithTimeout(time.Hour))
	ctx, cancel := context.WithCancel(background)
	ends := make(chan error, 1)
	go func() {
		_, err := p.Request(ctx, message("Nobody", "b"))
		ends <- err
	}()
	long, stop := context.WithTimeout(background, patience)
	defer stop()
	if err := cluster.Wait(long, "Nobody", 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if e := expect(t, receive(t, ends), ErrCanceled, "request"); !e.MaybePersisted || !errors.Is(e, context.Canceled) {
		t.Errorf("%+v", e)
	}
	_, err := p.Request(ctx, message("Nobody", "b"))
	if e := expect(t, err, ErrCanceled); e.MaybePersisted {
		t.Errorf("%+v", e)
	}
	if n, err := cluster.MessageCount(""); n != 1 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	for name, c := range map[string]struct {
		message *Message
		want    error
		words   []string
	}{
		"nil":      {nil, ErrInvalidArgument, []string{"message"}},
		"topic":    {message("", "b"), ErrInvalidMessage, []string{"topic"}},
		"delay":    {&Message{Topic: "T", Body: []byte("b"), Delay: time.Second}, ErrInvalidMessage, []string{"delay"}},
		"property": {&Message{Topic: "T", Body: []byte("b"), Properties: map[string]string{"TTL": "5"}}, ErrInvalidMessage, []string{"TTL"}},
	} {
		t.Run(name, func(t *testing.T) {
			ask(t, p, background, c.message, func(t *testing.T, _ *ReceivedMessage, err error) {
				expect(t, err, c.want, c.words...)
			})
		})
	}
	expect(t, p.RequestAsync(background, message("T", "b"), nil), ErrInvalidArgument, "done")
}

func TestCloseEndsRequestsOnce(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL(), WithTimeout(time.Hour))
	var ends atomic.Int32
	errs := make(chan error, 100)
	for i := 0; i < 50; i++ {
		err := p.RequestAsync(background, message("Nobody", "b"), func(_ *ReceivedMessage, err error) {
			ends.Add(1)
			errs <- err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	expect(t, p.Close(ctx), ErrTimeout)
	for i := 0; i < 50; i++ {
		expect(t, receive(t, errs), ErrClosed)
	}
	eventually(t, "the producer is freed", func() bool { return p.refs.Load() == 0 })
	if ends.Load() != 50 {
		t.Errorf("%d ends", ends.Load())
	}
}

// replyInEachMode replies in each mode.
func replyInEachMode(t *testing.T, p *Producer, to ReplyTo, m *Message, check func(*testing.T, *Receipt, error)) {
	t.Helper()
	t.Run("sync", func(t *testing.T) {
		r, err := p.Reply(background, to, m)
		check(t, r, err)
	})
	t.Run("async", func(t *testing.T) {
		ends := make(chan outcome[*Receipt], 1)
		err := p.ReplyAsync(background, to, m, func(r *Receipt, err error) { ends <- outcome[*Receipt]{r, err} })
		if err != nil {
			check(t, nil, err)
			return
		}
		o := receive(t, ends)
		check(t, o.value, o.err)
	})
}

// Another producer takes the request from the cluster, as a consumer would, and replies.
func TestAReplyReachesWhoAsked(t *testing.T) {
	cluster := newCluster(t)
	asking := startedProducer(t, cluster.URL(), WithTimeout(patience))
	answering := startedProducer(t, cluster.URL(), With("instance_name", "answering"))
	ends := make(chan outcome[*ReceivedMessage], 2)
	err := asking.RequestAsync(background, message("Ask", "question"), func(r *ReceivedMessage, err error) {
		ends <- outcome[*ReceivedMessage]{r, err}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	if err := cluster.Wait(ctx, "Ask", 1); err != nil {
		t.Fatal(err)
	}
	stored, err := cluster.Messages("Ask")
	if err != nil {
		t.Fatal(err)
	}
	to, err := ReplyToOf(stored[0].Properties)
	if err != nil {
		t.Fatal(err)
	}
	if to.TTL != patience || to.CorrelationID == "" || to.ReplyToClient == "" || to.Cluster == "" {
		t.Errorf("%+v", to)
	}
	receipt, err := answering.Reply(ctx, to, &Message{
		Body: []byte("answer"), Tags: "told", Keys: "k", Properties: map[string]string{"mine": "x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := receive(t, ends)
	if o.err != nil {
		t.Fatal(o.err)
	}
	if string(o.value.Body) != "answer" || o.value.Tags != "told" || o.value.Keys != "k" ||
		o.value.Properties["mine"] != "x" || o.value.MessageID != receipt.MessageID {
		t.Errorf("%+v", o.value)
	}
	if again, err := o.value.ReplyTo(); err == nil && again.CorrelationID != to.CorrelationID {
		t.Errorf("%+v", again)
	}
	replies, err := cluster.Messages(receipt.Topic)
	if err != nil || len(replies) != 1 || string(replies[0].Body) != "answer" || replies[0].MessageID != receipt.MessageID {
		t.Errorf("stored %+v, %v", replies, err)
	}
	if err := asking.Flush(ctx); err != nil || len(ends) != 0 {
		t.Errorf("%v; called back again", err)
	}
}

func TestBadRepliesAreRefused(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	good := ReplyTo{CorrelationID: "c", ReplyToClient: "nobody@1", Cluster: "DefaultCluster"}
	for name, c := range map[string]struct {
		change func(*ReplyTo)
		want   error
		words  []string
	}{
		"no correlation id": {func(to *ReplyTo) { to.CorrelationID = "" }, ErrInvalidArgument, []string{"correlation_id"}},
		"no client":         {func(to *ReplyTo) { to.ReplyToClient = "" }, ErrInvalidArgument, []string{"reply_to_client"}},
		"no cluster":        {func(to *ReplyTo) { to.Cluster = "" }, ErrInvalidArgument, []string{"cluster"}},
		"bad TTL":           {func(to *ReplyTo) { to.TTL = -1 }, ErrInvalidArgument, []string{"TTL"}},
	} {
		t.Run(name, func(t *testing.T) {
			to := good
			c.change(&to)
			replyInEachMode(t, p, to, message("", "b"), func(t *testing.T, _ *Receipt, err error) {
				expect(t, err, c.want, c.words...)
			})
		})
	}
	expect(t, p.ReplyAsync(background, good, message("", "b"), nil), ErrInvalidArgument, "done")
	_, err := p.Reply(background, good, nil)
	expect(t, err, ErrInvalidArgument, "message")
}

func TestAReplyToAClientThatIsGone(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithRetries(0))
	// What the cluster is called stands in its requests.
	if err := p.RequestAsync(background, message("Ask", "b"), func(*ReceivedMessage, error) {}); err != nil {
		t.Fatal(err)
	}
	to, err := ReplyToOf(awaitMessages(t, cluster, "Ask", 1)[0].Properties)
	if err != nil {
		t.Fatal(err)
	}
	to.ReplyToClient = "nobody@1"
	replyInEachMode(t, p, to, message("", "b"), func(t *testing.T, _ *Receipt, err error) {
		if e := expect(t, err, ErrBroker); e.BrokerCode != 1 {
			t.Errorf("%+v", e)
		}
	})
}

func TestWhereAReplyGoes(t *testing.T) {
	whole := map[string]string{"CORRELATION_ID": "c", "REPLY_TO_CLIENT": "r", "CLUSTER": "k", "TTL": "1500"}
	if to, err := ReplyToOf(whole); err != nil || to != (ReplyTo{"c", "r", "k", 1500 * time.Millisecond}) {
		t.Errorf("%+v, %v", to, err)
	}
	m := ReceivedMessage{Properties: whole}
	if to, err := m.ReplyTo(); err != nil || to.Cluster != "k" {
		t.Errorf("%+v, %v", to, err)
	}
	for _, name := range []string{"CORRELATION_ID", "REPLY_TO_CLIENT", "CLUSTER"} {
		part := map[string]string{}
		for n, value := range whole {
			if n != name {
				part[n] = value
			}
		}
		_, err := ReplyToOf(part)
		expect(t, err, ErrInvalidArgument, name)
	}
	delete(whole, "TTL")
	if to, err := ReplyToOf(whole); err != nil || to.TTL != 0 {
		t.Errorf("%+v, %v", to, err)
	}
	whole["TTL"] = "soon"
	_, err := ReplyToOf(whole)
	expect(t, err, ErrInvalidArgument, "TTL", "soon")
}
