package main

import (
	"context"
	"errors"
	"log"
	"mqproducer"
)

func main() {
	ctx, producer := started()
	must(send(ctx, producer, order(1)))
	stored("Orders", 2)
}

func send(ctx context.Context, producer *mqproducer.Producer, message *mqproducer.Message) error {
	// BLOCK
	if paid.QueueID != moved.QueueID || paid.BrokerName != moved.BrokerName {
		return errors.New("they are in different queues")
	}
	return nil
}
