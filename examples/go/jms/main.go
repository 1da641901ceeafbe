// Sends JMS messages to ActiveMQ: synchronous, asynchronous, several in a transaction. Usage: jms [URL DESTINATION].
//
// Without arguments it sends to the embedded cluster.
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
	url, destination := "mock+openwire://demo", "queue://Demo"
	if len(os.Args) == 3 {
		url, destination = os.Args[1], os.Args[2]
	}
	if err := run(url, destination); err != nil {
		log.Fatal(err)
	}
}

func run(url, destination string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
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

	jms := &mqproducer.JMS{
		Text:          true,
		CorrelationID: "order-1",
		Properties:    map[string]any{"count": int32(42), "ratio": 0.5, "small": int16(7)},
	}
	message := &mqproducer.Message{Topic: destination, Body: []byte("hello from Go"), JMS: jms}
	receipt, err := producer.Send(ctx, message)
	if err != nil {
		return err
	}
	fmt.Printf("go sync id=%s\n", receipt.MessageID)

	// In the broker's memory alone; the callback asks for an answer all the same.
	jms.DeliveryMode = mqproducer.DeliveryNonPersistent
	ended := make(chan error, 1)
	err = producer.SendAsync(ctx, message, func(receipt *mqproducer.Receipt, err error) {
		if err == nil {
			fmt.Printf("go async id=%s\n", receipt.MessageID)
		}
		ended <- err
	})
	if err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}

	// Messages of a transaction ask for no answer: the commit tells that all of them are stored.
	jms.DeliveryMode = mqproducer.DeliveryPersistent
	err = producer.Transaction(ctx, func(tx *mqproducer.Transaction) error {
		for i := 0; i < 3; i++ {
			if _, err := tx.Send(ctx, message); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Println("go committed")
	return nil
}
