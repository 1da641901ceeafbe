// Sends one message in a transaction. Usage: transaction URL TOPIC GROUP commit|rollback|die|check.
//
// commit and rollback end it so. die ends the process instead, so that the broker asks another producer of the group:
// check is one, which commits the first transaction that it is asked about and then ends.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"mqproducer"
)

// checkWait is how long check waits for the broker's question.
const checkWait = 60 * time.Second

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: transaction URL TOPIC GROUP commit|rollback|die|check")
	}
	url, topic, group, what := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	var err error
	switch what {
	case "commit", "rollback", "die":
		err = send(url, topic, group, what)
	case "check":
		err = check(url, topic, group)
	default:
		err = fmt.Errorf("%q is none of commit, rollback, die and check", what)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// errRollback is why a transaction is rolled back here.
var errRollback = errors.New("rolled back as asked for")

func send(url, topic, group, what string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	producer, err := mqproducer.New(url, group)
	if err != nil {
		return err
	}
	defer func() {
		if failure := producer.Close(ctx); err == nil {
			err = failure
		}
	}()
	unknown := func(*mqproducer.ReceivedMessage) mqproducer.TransactionState { return mqproducer.TransactionUnknown }
	if err := producer.SetTransactionChecker(unknown); err != nil {
		return err
	}
	if err := producer.Start(); err != nil {
		return err
	}
	err = producer.Transaction(ctx, func(tx *mqproducer.Transaction) error {
		message := &mqproducer.Message{Topic: topic, Tags: "transaction", Body: []byte("half from Go")}
		receipt, err := tx.Send(ctx, message)
		if err != nil {
			return err
		}
		fmt.Printf("go half id=%s\n", receipt.MessageID)
		// The local work stands here; its error rolls back.
		switch what {
		case "die":
			return die()
		case "rollback":
			return errRollback
		}
		return nil
	})
	switch {
	case err == nil:
		fmt.Println("go committed")
	case err == errRollback:
		fmt.Println("go rolled back")
	default:
		return err
	}
	return nil
}

// die ends this process as a crash would.
func die() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {}
}

func check(url, topic, group string) (err error) {
	// The topic tells it which brokers to meet, although it sends nothing.
	producer, err := mqproducer.New(url, group, mqproducer.WithTopics(topic))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkWait+10*time.Second)
	defer cancel()
	defer func() {
		if failure := producer.Close(ctx); err == nil {
			err = failure
		}
	}()
	commit := func(*mqproducer.ReceivedMessage) mqproducer.TransactionState { return mqproducer.TransactionCommit }
	if err := producer.SetTransactionChecker(commit); err != nil {
		return err
	}
	answered := make(chan string, 1)
	hook := mqproducer.Hook{EndTransaction: func(c mqproducer.EndTransactionContext) {
		// A hook must not wait: one answer is enough.
		select {
		case answered <- c.MessageID:
		default:
		}
	}}
	if err := producer.AddHook(hook); err != nil {
		return err
	}
	if err := producer.Start(); err != nil {
		return err
	}
	select {
	case id := <-answered:
		fmt.Printf("go checked id=%s\n", id)
		return nil
	case <-time.After(checkWait):
		return fmt.Errorf("nobody asked within %v", checkWait)
	}
}
