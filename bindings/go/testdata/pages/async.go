package main

import (
	"context"
	"fmt"
	"log"
	"mqproducer"
)

func main() {
	ctx, producer := started()
	must(send(ctx, producer))
	stored("Orders", 1000)
}

func send(ctx context.Context, producer *mqproducer.Producer) error {
	// BLOCK
}
