//go:build cgo

package mqproducer

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// codeEndTransaction is the request that ends a transaction.
const codeEndTransaction = 37

func unknown(*ReceivedMessage) TransactionState { return TransactionUnknown }

func transactionalProducer(
	t testing.TB, url string, check func(*ReceivedMessage) TransactionState, hooks []Hook, opts ...Option,
) *Producer {
	t.Helper()
	p := newProducerOf(t, url, opts...)
	if err := p.SetTransactionChecker(check); err != nil {
		t.Fatal(err)
	}
	for _, hook := range hooks {
		if err := p.AddHook(hook); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// ended waits for the words on transactions that the brokers got, and gives them.
func ended(t *testing.T, cluster *MockCluster, count int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	if err := cluster.WaitRequests(ctx, "", codeEndTransaction, count); err != nil {
		t.Fatal(err)
	}
	requests, _, err := cluster.Requests("", codeEndTransaction)
	if err != nil || len(requests) != count {
		t.Fatalf("%d words, %v", len(requests), err)
	}
	words := make([]string, count)
	for i, r := range requests {
		words[i] = map[string]string{"8": "COMMIT", "12": "ROLLBACK", "0": "UNKNOWN"}[r.Fields["commitOrRollback"]]
		if r.Fields["fromTransactionCheck"] == "true" {
			words[i] += " of a check"
		}
	}
	return words
}

// longChecks keeps the brokers from asking during a test.
func longChecks(t testing.TB) *MockCluster {
	t.Helper()
	cluster := newCluster(t)
	if err := cluster.SetTransactionCheckInterval(time.Hour); err != nil {
		t.Fatal(err)
	}
	return cluster
}

func TestACommittedMessageIsDelivered(t *testing.T) {
	cluster := longChecks(t)
	ends := make(chan EndTransactionContext, 3)
	p := transactionalProducer(t, cluster.URL(), unknown, []Hook{{
		EndTransaction: func(c EndTransactionContext) { ends <- c },
		BeforeSend: func(c HookContext) {
			if c.MessageType != TypeHalf {
				t.Errorf("%+v", c)
			}
		},
	}})
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	sent := &Message{Topic: "T", Body: everyByte(), Tags: "tag", Keys: "k1 k2", Properties: map[string]string{"mine": "é"}}
	var receipt *Receipt
	err := p.Transaction(ctx, func(tx *Transaction) (err error) {
		receipt, err = tx.Send(ctx, sent)
		if n, failure := cluster.MessageCount("T"); n != 0 || failure != nil {
			t.Errorf("%d messages before the commit, %v", n, failure)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	stored := awaitMessages(t, cluster, "T", 1)[0]
	if receipt.MessageID != stored.MessageID || receipt.TransactionID == "" || receipt.SendStatus != SendOK ||
		string(stored.Body) != string(sent.Body) || stored.Tags != "tag" || stored.Keys != "k1 k2" ||
		stored.Properties["mine"] != "é" {
		t.Errorf("%+v of %+v", receipt, stored)
	}
	if words := ended(t, cluster, 1); words[0] != "COMMIT" {
		t.Errorf("%q", words)
	}
	end := receive(t, ends)
	if !strings.HasPrefix(end.BrokerAddress, "127.0.0.1:") {
		t.Errorf("%+v", end)
	}
	end.BrokerAddress, end.RegionID = "", ""
	if want := (EndTransactionContext{
		State: TransactionCommit, ProducerGroup: "go-tests", Topic: "T", MessageID: receipt.MessageID,
		TransactionID: receipt.TransactionID, Tags: "tag", Keys: "k1 k2", BrokerName: receipt.BrokerName,
	}); end != want || len(ends) != 0 {
		t.Errorf("%+v, want %+v; %d more", end, want, len(ends))
	}
}

func TestWhatRollsBack(t *testing.T) {
	failure := errors.New("on purpose")
	send := func(tx *Transaction) {
		if _, err := tx.Send(background, message("T", "b")); err != nil {
			t.Error(err)
		}
	}
	for name, c := range map[string]struct {
		work func(*Producer) error
		want error
	}{
		"error": {func(p *Producer) error {
			return p.Transaction(background, func(tx *Transaction) error { send(tx); return failure })
		}, failure},
		"panic": {func(p *Producer) (err error) {
			defer func() { err = recover().(error) }()
			return p.Transaction(background, func(tx *Transaction) error { send(tx); panic(failure) })
		}, failure},
		"context": {func(p *Producer) error {
			ctx, cancel := context.WithCancel(background)
			return p.Transaction(ctx, func(tx *Transaction) error { send(tx); cancel(); return ctx.Err() })
		}, context.Canceled},
		"by hand": {func(p *Producer) error {
			return p.Transaction(background, func(tx *Transaction) error { send(tx); return tx.Rollback(background) })
		}, nil},
		"explicit": {func(p *Producer) error {
			tx, err := p.Begin()
			if err != nil {
				return err
			}
			defer tx.Close()
			send(tx)
			return tx.Rollback(background)
		}, nil},
		"close": {func(p *Producer) error {
			tx, err := p.Begin()
			if err != nil {
				return err
			}
			send(tx)
			tx.Close()
			tx.Close()
			_, err = tx.Send(background, message("T", "b"))
			expect(t, err, ErrInvalidArgument, "closed")
			expect(t, tx.Commit(background), ErrInvalidArgument, "closed")
			return nil
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := longChecks(t)
			p := transactionalProducer(t, cluster.URL(), unknown, nil)
			if err := c.work(p); !errors.Is(err, c.want) {
				t.Errorf("%v", err)
			}
			if words := ended(t, cluster, 1); words[0] != "ROLLBACK" {
				t.Errorf("%q", words)
			}
			if n, err := cluster.MessageCount(""); n != 0 || err != nil {
				t.Errorf("%d messages, %v", n, err)
			}
		})
	}
}

func TestAForgottenTransactionIsRolledBack(t *testing.T) {
	cluster := longChecks(t)
	p := transactionalProducer(t, cluster.URL(), unknown, nil)
	func() {
		tx, err := p.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Send(background, message("T", "b")); err != nil {
			t.Fatal(err)
		}
	}()
	eventually(t, "the collector rolls it back", func() bool {
		runtime.GC()
		requests, _, err := cluster.Requests("", codeEndTransaction)
		return err == nil && len(requests) > 0
	})
	if words := ended(t, cluster, 1); words[0] != "ROLLBACK" {
		t.Errorf("%q", words)
	}
}

func TestTheOrderOfATransaction(t *testing.T) {
	cluster := longChecks(t)
	p := transactionalProducer(t, cluster.URL(), unknown, nil)
	tx, err := p.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	expect(t, tx.Commit(background), ErrInvalidArgument, "no message")
	expect(t, tx.Rollback(background), ErrInvalidArgument, "no message")
	delayed := message("T", "b")
	delayed.DelayLevel = 1
	_, err = tx.Send(background, delayed)
	expect(t, err, ErrInvalidMessage, "delay")
	_, err = tx.Send(background, nil)
	expect(t, err, ErrInvalidArgument, "message")
	if _, err := tx.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	_, err = tx.Send(background, message("T", "b"))
	expect(t, err, ErrUnsupported, "one")
	if err := tx.Commit(background); err != nil {
		t.Fatal(err)
	}
	expect(t, tx.Commit(background), ErrInvalidArgument, "committed")
	expect(t, tx.Rollback(background), ErrInvalidArgument, "committed")
	if err := p.Transaction(background, func(*Transaction) error { return nil }); err != nil {
		t.Errorf("one that sent nothing: %v", err)
	}
	refused := p.Transaction(background, func(tx *Transaction) error {
		_, err := tx.Send(background, message("", "b"))
		return err
	})
	expect(t, refused, ErrInvalidMessage)
	swallowed := p.Transaction(background, func(tx *Transaction) error {
		_, _ = tx.Send(background, message("", "b"))
		return nil
	})
	expect(t, swallowed, ErrInvalidArgument, "no message")
	expect(t, p.Transaction(background, nil), ErrInvalidArgument, "work")
	if n := len(awaitMessages(t, cluster, "T", 1)); n != 1 {
		t.Errorf("%d messages", n)
	}
	ended(t, cluster, 1)
}

func TestTransactionsNeedACheckerAndARunningProducer(t *testing.T) {
	cluster := newCluster(t)
	p := newProducerOf(t, cluster.URL())
	expect(t, p.SetTransactionChecker(nil), ErrInvalidArgument, "check")
	_, err := p.Begin()
	expect(t, err, ErrNotStarted)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	_, err = p.Begin()
	expect(t, err, ErrInvalidConfig, "checker")
	expect(t, p.SetTransactionChecker(unknown), ErrAlreadyStarted)
	p = transactionalProducer(t, cluster.URL(), unknown, nil)
	other := newProducerOf(t, cluster.URL())
	if err := other.SetTransactionChecker(unknown); err != nil {
		t.Fatal(err)
	}
	expect(t, other.SetTransactionChecker(unknown), ErrInvalidArgument)
	tx, err := p.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	_, err = tx.Send(background, message("T", "b"))
	expect(t, err, ErrClosed)
	expect(t, tx.Commit(background), ErrClosed)
	_, err = p.Begin()
	expect(t, err, ErrClosed)
	expect(t, p.SetTransactionChecker(unknown), ErrClosed)
}

func TestCancellingInATransaction(t *testing.T) {
	p := transactionalProducer(t, silentBroker(t), unknown, nil, WithTimeout(2*time.Second), WithRetries(0))
	tx, err := p.Begin()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(background)
	failed := make(chan error, 1)
	go func() {
		_, err := tx.Send(ctx, message("T", "b"))
		failed <- err
	}()
	eventually(t, "it is in flight", func() bool { return hasMessages(p) })
	expect(t, tx.Commit(background), ErrInvalidArgument, "another call")
	cancel()
	if e := expect(t, receive(t, failed), ErrCanceled); !e.MaybePersisted {
		t.Errorf("%+v", e)
	}
	expect(t, tx.Rollback(ctx), ErrCanceled)
	tx.Close()
	// The send goes on by itself and gives the handle back.
	eventually(t, "it is freed", func() bool { return tx.refs.Load() == 0 })
	bounded, stop := context.WithTimeout(background, 300*time.Millisecond)
	defer stop()
	err = p.Transaction(bounded, func(tx *Transaction) error {
		_, err := tx.Send(bounded, message("T", "b"))
		return err
	})
	if expect(t, err, ErrTimeout); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestNamesOfTransactionStates(t *testing.T) {
	for state, name := range map[TransactionState]string{
		TransactionUnknown: "UNKNOWN", TransactionCommit: "COMMIT", TransactionRollback: "ROLLBACK", 7: "TransactionState(7)",
	} {
		if state.String() != name {
			t.Errorf("%d is called %s", uint32(state), state)
		}
	}
	cluster := newCluster(t)
	expect(t, cluster.SetTransactionCheckInterval(0), ErrInvalidArgument, "0")
	expect(t, cluster.SetTransactionCheckInterval(-1), ErrInvalidArgument, "interval")
}
