package main

import (
	"context"
	"errors"
	"log"
	"mqproducer"
	"time"
)

func main() {
	ctx, producer := started()
	message := order(1)
	{
		// BLOCK
	}
	stored("Orders", 1)
}
