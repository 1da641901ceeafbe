package main

import (
	"log/slog"
	"mqproducer"
)

func main() {
	// BLOCK
	must(err)
	ctx, producer := started()
	_, err = producer.Send(ctx, order(1))
	must(err)
}
