package main

import (
	"context"
	"testing"
	"time"

	"mqproducer"
)

func placeAnOrder(t *testing.T, url string) {
	producer, err := mqproducer.New(url, "orders")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { producer.Close(context.Background()) })
	if err := producer.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := producer.Send(patient(), order(1)); err != nil {
		t.Fatal(err)
	}
}

func main() {
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{
		{Name: "piece", F: TestAnOrderIsSentAlthoughABrokerIsBusy},
	}, nil, nil)
}

// BLOCK
