//go:build cgo

package mqproducer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestABrokerAsksTheChecker(t *testing.T) {
	panics := make(chan string, 100)
	setLog(t, LevelError, func(_ Level, _, text string) {
		if strings.Contains(text, "panicked") {
			panics <- text
		}
	})
	for name, c := range map[string]struct {
		answer func() TransactionState
		word   string
	}{
		"commit":   {func() TransactionState { return TransactionCommit }, "COMMIT of a check"},
		"rollback": {func() TransactionState { return TransactionRollback }, "ROLLBACK of a check"},
		"unknown":  {func() TransactionState { return TransactionUnknown }, "UNKNOWN of a check"},
		"nonsense": {func() TransactionState { return 99 }, "UNKNOWN of a check"},
		"panic":    {func() TransactionState { panic("on purpose") }, "UNKNOWN of a check"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t)
			if err := cluster.SetTransactionCheckInterval(10 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			checked := make(chan *ReceivedMessage, 100)
			ends := make(chan EndTransactionContext, 100)
			p := transactionalProducer(t, cluster.URL(), func(m *ReceivedMessage) TransactionState {
				checked <- m
				return c.answer()
			}, []Hook{{EndTransaction: func(c EndTransactionContext) { ends <- c }}})
			tx, err := p.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Close()
			receipt, err := tx.Send(background, &Message{
				Topic: "T", Body: everyByte(), Tags: "tag", Keys: "k", Properties: map[string]string{"mine": "é"},
			})
			if err != nil {
				t.Fatal(err)
			}
			m := receive(t, checked)
			if m.Topic != "T" || string(m.Body) != string(everyByte()) || m.Tags != "tag" || m.Keys != "k" ||
				m.Properties["mine"] != "é" || m.MessageID != receipt.MessageID || m.TransactionID != receipt.TransactionID ||
				m.BornHost == "" || time.Since(m.BornAt) > time.Minute {
				t.Errorf("%+v of %+v", m, receipt)
			}
			end := receive(t, ends)
			if !end.FromCheck || fmt.Sprint(end.State, " of a check") != c.word || end.MessageID != receipt.MessageID {
				t.Errorf("%+v", end)
			}
			ctx, cancel := context.WithTimeout(background, patience)
			defer cancel()
			if err := cluster.WaitRequests(ctx, "", codeEndTransaction, 1); err != nil {
				t.Fatal(err)
			}
			if name == "commit" {
				awaitMessages(t, cluster, "T", 1)
			} else if n, err := cluster.MessageCount(""); n != 0 || err != nil {
				t.Errorf("%d messages, %v", n, err)
			}
			if name == "panic" {
				if record := receive(t, panics); !strings.Contains(record, "the transaction checker panicked: on purpose") {
					t.Errorf("logged %q", record)
				}
			}
		})
	}
}

func TestInACheckerNothingBlocks(t *testing.T) {
	cluster := newCluster(t)
	if err := cluster.SetTransactionCheckInterval(10 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 100)
	var p *Producer
	var tx *Transaction
	p = transactionalProducer(t, cluster.URL(), func(*ReceivedMessage) TransactionState {
		for _, call := range []func() error{
			func() error { return tx.Commit(background) },
			func() error { _, err := tx.Send(background, message("T", "b")); return err },
			func() error { return p.Transaction(background, func(*Transaction) error { return nil }) },
			func() error { _, err := p.Recall(background, "T", "handle"); return err },
			func() error { _, err := p.Request(background, message("T", "b")); return err },
			func() error { _, err := p.SendBatch(background, batchOf("T", 2)); return err },
		} {
			errs <- call()
		}
		return TransactionCommit
	}, nil)
	var err error
	if tx, err = p.Begin(); err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if _, err := tx.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 6; i++ {
		expect(t, receive(t, errs), ErrWouldDeadlock)
	}
	awaitMessages(t, cluster, "T", 1)
}

func TestACheckerIsLetGo(t *testing.T) {
	p := newProducerOf(t, newCluster(t).URL())
	released := make(chan string, 1)
	func() {
		w := watch("checker", released)
		check := func(*ReceivedMessage) TransactionState { _ = w.text; return TransactionUnknown }
		if err := p.SetTransactionChecker(check); err != nil {
			t.Fatal(err)
		}
	}()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	awaitRelease(t, released, "checker")
}
