package main

import (
	"log"
	"mqproducer"
)

func main() {
	ctx, producer := started()
	messages := []*mqproducer.Message{order(1), order(2)}
	// BLOCK
	must(err)
	if len(ends) != 2 || ends[1].Receipt == nil {
		log.Fatalf("%+v", ends)
	}
	stored("Orders", 2)
}
