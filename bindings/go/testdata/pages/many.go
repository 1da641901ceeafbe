package main

import (
	"context"
	"log"
	"mqproducer"
)

func main() {
	ctx, producer := started()
	must(send(ctx, producer, order(1), []*mqproducer.Message{order(2), order(3)}))
	stored("Orders", 3)
}

func send(ctx context.Context, producer *mqproducer.Producer, message *mqproducer.Message, messages []*mqproducer.Message) error {
	// BLOCK
	return nil
}
