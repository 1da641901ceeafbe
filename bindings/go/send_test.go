//go:build cgo

package mqproducer

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

func everyByte() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

func TestEachModeStoresTheWholeMessage(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	properties := map[string]string{"é": "value é", "zero": "a\x00b"}
	for i := 0; i < 40; i++ {
		properties[fmt.Sprint("p", i)] = strings.Repeat("v", i+1)
	}
	sent := Message{
		Topic: "Whole", Body: everyByte(), Tags: "tag", Keys: "k1 k2", Properties: properties, Flag: -7, NoWaitStore: true,
	}
	modes := map[string]func(*Message) (*Receipt, error){
		"alone": func(m *Message) (*Receipt, error) { return p.Send(background, m) },
		"by itself": func(m *Message) (*Receipt, error) {
			inCompany(p)
			p.gather.unlearn(m.Topic)
			return p.Send(background, m)
		},
		"gathered": func(m *Message) (*Receipt, error) {
			inCompany(p)
			p.gather.learn(m.Topic)
			return p.Send(background, m)
		},
		"many": func(m *Message) (*Receipt, error) {
			p.gather.learn(m.Topic)
			ends, err := p.SendMany(background, []*Message{m})
			return ends[0].Receipt, err
		},
		"oneway": func(m *Message) (*Receipt, error) { return p.SendOneway(background, m) },
		"async": func(m *Message) (*Receipt, error) {
			done := make(chan outcome[*Receipt], 1)
			err := p.SendAsync(background, m, func(r *Receipt, err error) { done <- outcome[*Receipt]{r, err} })
			if err != nil {
				return nil, err
			}
			o := receive(t, done)
			return o.value, o.err
		},
	}
	for mode, send := range modes {
		t.Run(mode, func(t *testing.T) {
			if err := cluster.Clear(); err != nil {
				t.Fatal(err)
			}
			m := sent
			m.Body = bytes.Clone(sent.Body)
			r, err := send(&m)
			if err != nil {
				t.Fatal(err)
			}
			clear(m.Body)
			ctx, cancel := context.WithTimeout(background, patience)
			defer cancel()
			if err := cluster.Wait(ctx, "Whole", 1); err != nil {
				t.Fatal(err)
			}
			stored, err := cluster.Messages("Whole")
			if err != nil {
				t.Fatal(err)
			}
			checkStored(t, &sent, &stored[0])
			checkReceipt(t, mode, r, &stored[0])
		})
	}
}

func checkStored(t *testing.T, sent *Message, got *MockMessage) {
	t.Helper()
	if got.Topic != sent.Topic || !bytes.Equal(got.Body, sent.Body) || got.Tags != sent.Tags || got.Keys != sent.Keys ||
		got.Flag != sent.Flag {
		t.Errorf("stored %+v", got)
	}
	user := maps.Clone(got.Properties)
	if user["WAIT"] != "false" {
		t.Errorf("WAIT is %q", user["WAIT"])
	}
	maps.DeleteFunc(user, func(name, _ string) bool { _, mine := sent.Properties[name]; return !mine })
	if !maps.Equal(user, sent.Properties) {
		t.Errorf("properties %q", user)
	}
	if age := time.Since(got.StoredAt); age < -time.Second || age > time.Minute || got.StoredAt.Before(got.BornAt) {
		t.Errorf("born %v, stored %v", got.BornAt, got.StoredAt)
	}
}

func checkReceipt(t *testing.T, mode string, r *Receipt, stored *MockMessage) {
	t.Helper()
	if r.MessageID == "" || r.MessageID != stored.MessageID || r.Topic != stored.Topic ||
		r.BrokerName != stored.BrokerName || r.QueueID != stored.QueueID || r.Attempts != 1 {
		t.Errorf("receipt %+v of %+v", r, stored)
	}
	status, offset, id := SendOK, stored.QueueOffset, stored.OffsetMessageID
	if mode == "oneway" {
		status, offset, id = SendUnconfirmed, -1, ""
	}
	if r.SendStatus != status || r.QueueOffset != offset || r.OffsetMessageID != id {
		t.Errorf("receipt %+v of %+v", r, stored)
	}
}

func TestABadMessageIsRefusedInEveryMode(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL(), WithMaxMessageSize(10))
	with := func(name, value string) *Message {
		return &Message{Topic: "T", Body: []byte("b"), Properties: map[string]string{name: value}}
	}
	cases := map[string]struct {
		message *Message
		want    error
		words   []string
	}{
		"nil message":         {nil, ErrInvalidArgument, []string{"message", "nil"}},
		"empty topic":         {message("", "b"), ErrInvalidMessage, []string{"topic", "empty"}},
		"long topic":          {message(strings.Repeat("t", 128), "b"), ErrInvalidMessage, []string{"topic", "128", "127"}},
		"illegal topic":       {message("a b", "b"), ErrInvalidMessage, []string{"topic", "a b"}},
		"topic not UTF-8":     {message("\xff", "b"), ErrInvalidArgument, []string{"topic", "UTF-8"}},
		"empty body":          {message("T", ""), ErrInvalidMessage, []string{"body"}},
		"nil body":            {&Message{Topic: "T"}, ErrInvalidMessage, []string{"body"}},
		"large body":          {message("T", "12345678901"), ErrMessageTooLarge, []string{"body", "11", "10"}},
		"\\x01 in a name":     {with("a\x01", "v"), ErrInvalidMessage, []string{`\x01`}},
		"\\x02 in a value":    {with("name", "v\x02"), ErrInvalidMessage, []string{"name", `\x02`}},
		"empty property name": {with("", "v"), ErrInvalidMessage, nil},
		"large properties":    {with("name", strings.Repeat("v", 40_000)), ErrMessageTooLarge, []string{"32767"}},
		"reserved property":   {with("KEYS", "v"), ErrInvalidMessage, []string{"KEYS"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := p.Send(background, c.message)
			e := expect(t, err, c.want, c.words...)
			if e.MaybePersisted || e.Name != e.Status.String() {
				t.Errorf("%+v", e)
			}
			_, err = p.SendOneway(background, c.message)
			expect(t, err, c.want, c.words...)
			err = p.SendAsync(background, c.message, func(*Receipt, error) { t.Error("called back") })
			expect(t, err, c.want, c.words...)
		})
	}
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	err := p.SendAsync(background, message("T", "b"), nil)
	expect(t, err, ErrInvalidArgument, "done")
}

func TestABodyInsideMemoryWithPointersIsAccepted(t *testing.T) {
	type holder struct {
		next *holder
		room [64]byte
	}
	h := &holder{next: new(holder)}
	copy(h.room[:], "inside")
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	if _, err := p.Send(background, &Message{Topic: "T", Body: h.room[:6]}); err != nil {
		t.Fatal(err)
	}
	stored, err := cluster.Messages("")
	if err != nil || len(stored) != 1 || string(stored[0].Body) != "inside" {
		t.Fatalf("%v %+v", err, stored)
	}
}

func TestALargeBodyArrives(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithTimeout(patience))
	body := bytes.Repeat(everyByte(), 4<<20/256)
	if _, err := p.Send(background, &Message{Topic: "Large", Body: body}); err != nil {
		t.Fatal(err)
	}
	stored, err := cluster.Messages("Large")
	if err != nil || len(stored) != 1 || !bytes.Equal(stored[0].Body, body) {
		t.Fatalf("%v, %d messages", err, len(stored))
	}
}

func TestNameServersThatRefuseAreNamed(t *testing.T) {
	p := startedProducer(t, "rocketmq://127.0.0.1:1;127.0.0.1:2", WithTimeout(time.Second))
	began := time.Now()
	_, err := p.Send(background, message("T", "b"))
	e := expect(t, err, ErrNoNameServer, "127.0.0.1:1", "127.0.0.1:2", "refused")
	if !e.Retriable || e.MaybePersisted {
		t.Errorf("%+v", e)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
