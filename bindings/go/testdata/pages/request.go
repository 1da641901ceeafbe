package main

import (
	"log"
	"mqproducer"
)

func main() {
	ctx, producer := started()
	must(cluster.Echo("Orders"))
	message, answer := order(1), order(2)
	replies := make(chan *mqproducer.ReceivedMessage, 1)
	asked := &mqproducer.Message{Topic: "Asked", Body: []byte("what?")}
	must(producer.RequestAsync(ctx, asked, func(m *mqproducer.ReceivedMessage, _ error) { replies <- m }))
	must(cluster.Wait(ctx, "Asked", 1))
	requests, err := cluster.Messages("Asked")
	must(err)
	properties := requests[0].Properties
	var receipt *mqproducer.Receipt
	{
		// BLOCK
		must(err)
		if string(reply.Body) != "hello" || receipt.MessageID == "" {
			log.Fatalf("%+v, %+v", reply, receipt)
		}
	}
	if got := <-replies; got == nil || string(got.Body) != "hello" {
		log.Fatalf("%+v", got)
	}
}
