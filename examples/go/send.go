// Sends one message in each mode and prints where it went. Usage: send [URL].
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"mqproducer"
)

func main() {
	url := "mock://demo"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	if err := run(url); err != nil {
		log.Fatal(err)
	}
}

func run(url string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	producer, err := mqproducer.New(url, "demo-go")
	if err != nil {
		return err
	}
	defer func() {
		if failure := producer.Close(ctx); err == nil {
			err = failure
		}
	}()
	if err := producer.Start(); err != nil {
		return err
	}
	message := &mqproducer.Message{Topic: "Demo", Tags: "go", Body: []byte("hello from Go")}

	receipt, err := producer.Send(ctx, message)
	if err != nil {
		return err
	}
	show("sync", receipt)

	// The callback runs on a thread of the library; it hands over and returns.
	type end struct {
		receipt *mqproducer.Receipt
		err     error
	}
	ends := make(chan end, 1)
	err = producer.SendAsync(ctx, message, func(r *mqproducer.Receipt, err error) { ends <- end{r, err} })
	if err != nil {
		return err
	}
	got := <-ends
	if got.err != nil {
		return got.err
	}
	show("async", got.receipt)

	receipt, err = producer.SendOneway(ctx, message)
	if err != nil {
		return err
	}
	show("oneway", receipt)
	return nil
}

func show(mode string, r *mqproducer.Receipt) {
	offset := "-"
	if r.QueueOffset >= 0 {
		offset = strconv.FormatInt(r.QueueOffset, 10)
	}
	fmt.Printf("go %s id=%s queue=%s/%d offset=%s\n", mode, r.MessageID, r.BrokerName, r.QueueID, offset)
}
