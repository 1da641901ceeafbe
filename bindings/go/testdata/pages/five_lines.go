package main

import (
	"fmt"
	"log"
	"mqproducer"
)

func main() {
	ctx := patient()
	// BLOCK
	if must(err); receipt.Topic != "Orders" {
		log.Fatalf("%+v", receipt)
	}
}
