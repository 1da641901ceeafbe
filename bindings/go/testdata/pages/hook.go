package main

import (
	"context"
	"mqproducer"
)

// starting starts the producer before its first send: hooks are added before that.
type starting struct{ *mqproducer.Producer }

func (p starting) Send(ctx context.Context, m *mqproducer.Message, opts ...mqproducer.SendOption) (*mqproducer.Receipt, error) {
	must(p.Start())
	return p.Producer.Send(ctx, m, opts...)
}

var audited = make(chan string, 1)

func audit(c mqproducer.HookContext, _ *mqproducer.Receipt, _ error) { audited <- c.Topic }

func main() {
	var err error
	var receipt *mqproducer.Receipt
	ctx, message, producer := patient(), order(1), starting{newProducer()}
	// BLOCK
	must(err)
	stored(receipt.Topic, 1)
	<-audited
}
