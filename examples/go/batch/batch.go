// Sends five messages in one request. Usage: batch URL [TOPIC].
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"mqproducer"
)

func main() {
	if len(os.Args) != 2 && len(os.Args) != 3 {
		log.Fatal("usage: batch URL [TOPIC]")
	}
	topic := "Demo"
	if len(os.Args) > 2 {
		topic = os.Args[2]
	}
	if err := run(os.Args[1], topic); err != nil {
		log.Fatal(err)
	}
}

func run(url, topic string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	producer, err := mqproducer.New(url, "batch-go")
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
	var messages []*mqproducer.Message
	for i := 1; i <= 5; i++ {
		body := fmt.Sprintf("hello %d from Go", i)
		messages = append(messages, &mqproducer.Message{Topic: topic, Tags: "batch", Body: []byte(body)})
	}
	ends, err := producer.SendBatch(ctx, messages)
	// Each message has an end of its own; the error is that of the first that failed.
	for _, end := range ends {
		if r := end.Receipt; r != nil {
			fmt.Printf("go batch id=%s queue=%s/%d offset=%d\n", r.MessageID, r.BrokerName, r.QueueID, r.QueueOffset)
		}
	}
	return err
}
