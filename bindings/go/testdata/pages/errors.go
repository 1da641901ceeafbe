package main

import (
	"errors"
	"log"
	"mqproducer"
)

func main() {
	ctx, producer := started()
	// BLOCK
	if !errors.Is(err, mqproducer.ErrInvalidMessage) {
		log.Fatal(err)
	}
	stored("", 0)
}
