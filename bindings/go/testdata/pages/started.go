// What the pieces of the pages stand in. Each of the other files has a line BLOCK for the piece.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"mqproducer"
)

// cluster is where the messages of a piece go.
var cluster *mqproducer.MockCluster

func newProducer() *mqproducer.Producer {
	var err error
	cluster, err = mqproducer.NewMockCluster("", 2, 4)
	must(err)
	producer, err := mqproducer.New(cluster.URL(), "orders")
	must(err)
	return producer
}

func started() (context.Context, *mqproducer.Producer) {
	producer := newProducer()
	must(producer.Start())
	return patient(), producer
}

func patient() context.Context {
	ctx, _ := context.WithTimeout(context.Background(), 20*time.Second)
	return ctx
}

func order(number int) *mqproducer.Message {
	return &mqproducer.Message{Topic: "Orders", Keys: fmt.Sprint("order-", number), Body: []byte("hello")}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// stored ends the program unless the topic has so many messages.
func stored(topic string, count int) {
	must(cluster.Wait(patient(), topic, count))
	if n, err := cluster.MessageCount(topic); n != count || err != nil {
		log.Fatalf("%d messages, %v", n, err)
	}
}
