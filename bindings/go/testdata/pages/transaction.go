package main

import (
	"context"
	"mqproducer"
)

var saved = map[string]bool{}

func isSaved(order string) bool { return saved[order] }

func save(order string) error {
	saved[order] = true
	return nil
}

func main() {
	producer := newProducer()
	must(send(patient(), producer))
	stored("Orders", 1)
}

func send(ctx context.Context, producer *mqproducer.Producer) error {
	// BLOCK
}
