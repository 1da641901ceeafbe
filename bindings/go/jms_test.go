//go:build cgo

package mqproducer

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func newOpenWire(t *testing.T, name string) (*MockCluster, *Producer) {
	t.Helper()
	c, err := NewMockCluster(name, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, newProducerOf(t, "mock+openwire://"+name)
}

func started(t *testing.T, p *Producer) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
}

// full is a message with all that one can have.
func full() *Message {
	return &Message{Topic: "T", Body: []byte("größer"), Properties: map[string]string{"plain": "value"}, JMS: &JMS{
		Text: true,
		Properties: map[string]any{
			"nil": nil, "bool": true, "byte": int8(-7), "short": int16(-300), "int": int32(70000), "long": int64(1) << 40,
			"char": JMSChar('c'), "float": float32(1.5), "double": -2.25, "text": "€", "bytes": []byte{0, 255},
		},
		DeliveryMode: DeliveryNonPersistent, HasTimeToLive: true, TimeToLive: time.Minute, CorrelationID: "c",
		ReplyTo: "topic://answers", Type: "t", GroupID: "g", GroupSequence: 3,
	}}
}

func TestAJMSMessageHasAllThatItWasGiven(t *testing.T) {
	c, p := newOpenWire(t, "go-jms")
	var mu sync.Mutex
	var seen []*Message
	hook := Hook{BeforeSend: func(c HookContext) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, c.Message())
	}}
	if err := p.AddHook(hook); err != nil {
		t.Fatal(err)
	}
	started(t, p)
	entries := &Message{Topic: "T", JMS: &JMS{Entries: map[string]any{"n": int32(5), "b": []byte{1}}}}
	receipt, err := p.Send(background, full())
	if err != nil || receipt.SendStatus != SendOK {
		t.Fatal(receipt, err)
	}
	ends, err := p.SendMany(background, []*Message{full(), entries})
	if err != nil || len(ends) != 2 {
		t.Fatal(ends, err)
	}
	for _, end := range ends {
		if end.Err != nil {
			t.Error(end.Err)
		}
	}
	if receipt, err := p.SendOneway(background, full()); err != nil || receipt.SendStatus != SendUnconfirmed {
		t.Error(receipt, err)
	}
	if err := c.Wait(background, "T", 4); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	maps := 0
	for _, message := range seen {
		want := full()
		if message.JMS != nil && message.JMS.Entries != nil {
			want = entries
			maps++
		}
		if !reflect.DeepEqual(message.JMS, want.JMS) || string(message.Body) != string(want.Body) {
			t.Errorf("%+v instead of %+v", message.JMS, want.JMS)
		}
	}
	if len(seen) != 4 || maps != 1 {
		t.Error(len(seen), maps)
	}
}

func TestWhatJMSHasNoTypeForIsRefused(t *testing.T) {
	_, p := newOpenWire(t, "go-jms-refused")
	started(t, p)
	for text, jms := range map[string]*JMS{
		"`p` is a uint8":              {Properties: map[string]any{"p": uint8(1)}},
		"`e` is a []string":           {Entries: map[string]any{"e": []string{}}},
		"`TimeToLive` is -1ns":        {TimeToLive: -1},
		"`Text` and `Entries`":        {Text: true, Entries: map[string]any{}},
		"`jms.delivery_mode` is 9":    {DeliveryMode: 9},
		"while `has_time_to_live` is": {TimeToLive: time.Second},
	} {
		_, err := p.Send(background, &Message{Topic: "T", JMS: jms})
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	expect(t, func() error { _, err := newStarted(t).Send(background, full()); return err }(), ErrInvalidMessage, "jms")
}

func newStarted(t *testing.T) *Producer { return startedProducer(t, newCluster(t).URL()) }

func TestTemporaryDestinationsLiveUntilTheyAreDeleted(t *testing.T) {
	_, p := newOpenWire(t, "go-temporary")
	started(t, p)
	queue, err := p.CreateTemporaryQueue(background)
	if err != nil || !strings.HasPrefix(queue, "temp-queue://ID:") {
		t.Fatal(queue, err)
	}
	topic, err := p.CreateTemporaryTopic(background)
	if err != nil || !strings.HasPrefix(topic, "temp-topic://ID:") {
		t.Fatal(topic, err)
	}
	if _, err := p.Send(background, message(queue, "x")); err != nil {
		t.Error(err)
	}
	if err := p.DeleteTemporary(background, queue); err != nil {
		t.Error(err)
	}
	_, err = p.Send(background, message(queue, "x"))
	expect(t, err, ErrInvalidMessage, "was deleted")
	expect(t, p.DeleteTemporary(background, queue), ErrInvalidArgument)
	_, err = newStarted(t).CreateTemporaryQueue(background)
	expect(t, err, ErrUnsupported)
}

func TestATransformerPutsAnotherMessageInThePlaceOfEach(t *testing.T) {
	c, p := newOpenWire(t, "go-transform")
	err := p.SetMessageTransformer(func(m *Message) (*Message, error) {
		switch string(m.Body) {
		case "same":
			return nil, nil
		case "refuse":
			return nil, errors.New("not today")
		case "panic":
			panic("on purpose")
		case "odd":
			return &Message{Topic: "T", JMS: &JMS{Properties: map[string]any{"p": uint(1)}}}, nil
		}
		return &Message{Topic: m.Topic + ".other", Body: append([]byte("of "), m.Body...), JMS: full().JMS}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	started(t, p)
	receipt, err := p.Send(background, message("T", "this"))
	if err != nil || receipt.Topic != "T.other" {
		t.Error(receipt, err)
	}
	if _, err := p.Send(background, message("T", "same")); err != nil {
		t.Error(err)
	}
	for body, text := range map[string]string{"refuse": "not today", "panic": "on purpose", "odd": "`p` is a uint"} {
		_, err := p.Send(background, message("T", body))
		expect(t, err, ErrInvalidMessage, text)
	}
	stored, err := c.Messages("")
	if err != nil || len(stored) != 2 {
		t.Fatal(stored, err)
	}
	for _, m := range stored {
		if want := map[string]string{"T": "same", "T.other": "of this"}[m.Topic]; string(m.Body) != want {
			t.Errorf("%s: %s", m.Topic, m.Body)
		}
	}
	expect(t, p.SetMessageTransformer(func(*Message) (*Message, error) { return nil, nil }), ErrAlreadyStarted)
	expect(t, p.SetMessageTransformer(nil), ErrInvalidArgument)
	rocket := newProducerOf(t, newCluster(t).URL())
	expect(t, rocket.SetMessageTransformer(func(*Message) (*Message, error) { return nil, nil }), ErrUnsupported)
}
