//go:build cgo

package mqproducer

import (
	"context"
	"testing"
	"time"
)

// codeRecall is the request that takes a timer message back.
const codeRecall = 370

func TestATimerMessageIsRecalled(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	m := message("T", "b")
	m.Delay = time.Hour
	sent, err := p.Send(ctx, m)
	if err != nil || sent.RecallHandle == "" {
		t.Fatalf("%+v, %v", sent, err)
	}
	recalled, err := p.Recall(ctx, "T", sent.RecallHandle)
	if err != nil {
		t.Fatal(err)
	}
	if recalled.MessageID != sent.MessageID || recalled.Topic != "T" || recalled.BrokerName != sent.BrokerName ||
		recalled.QueueID != -1 {
		t.Errorf("%+v of %+v", recalled, sent)
	}
	requests, _, err := cluster.Requests(sent.BrokerName, codeRecall)
	if err != nil || len(requests) != 1 || requests[0].Fields["recallHandle"] != sent.RecallHandle ||
		requests[0].Fields["topic"] != "T" {
		t.Errorf("%+v, %v", requests, err)
	}
	for handle, words := range map[string][]string{"nonsense": {"handle"}, "": {"handle"}} {
		_, err = p.Recall(ctx, "T", handle)
		expect(t, err, ErrInvalidArgument, words...)
	}
	_, err = p.Recall(ctx, "Other", sent.RecallHandle)
	expect(t, err, ErrInvalidArgument, "Other")
	canceled, stop := context.WithCancel(background)
	stop()
	_, err = p.Recall(canceled, "T", sent.RecallHandle)
	expect(t, err, ErrCanceled)
	if n, err := cluster.MessageCount(""); n != 0 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}
