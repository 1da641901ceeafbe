package main

import (
	"context"
	"fmt"
	"time"

	"mqproducer"
)

// message reads a message.
func message(of map[string]any) (*mqproducer.Message, error) {
	body, err := bodyBytes(textOr(of, "body", "x"))
	if err != nil {
		return nil, err
	}
	m := &mqproducer.Message{
		Topic: textOr(of, "topic", "T"), Body: body, Tags: text(of, "tags"), Keys: text(of, "keys"),
		Flag: int32(number(of, "flag")), Properties: map[string]string{}, NoWaitStore: of["wait_store"] == false,
		DelayLevel: uint32(number(of, "delay_level")), Priority: int32(number(of, "priority")),
		Delay:     time.Duration(number(of, "delay_seconds"))*time.Second + time.Duration(number(of, "delay_ms"))*time.Millisecond,
		LiteTopic: text(of, "lite_topic"), ShardingKey: text(of, "sharding_key"), TraceParent: text(of, "trace_parent"),
	}
	for name, value := range object(of, "properties") {
		m.Properties[name], _ = value.(string)
	}
	_, m.HasPriority = of["priority"]
	if at, there := of["deliver_at_ms"]; there && at != nil {
		m.DeliverAt = time.UnixMilli(number(of, "deliver_at_ms"))
	}
	if part := object(of, "jms"); part != nil {
		m.JMS, err = jms(part)
	}
	return m, err
}

func messages(step map[string]any) (all []*mqproducer.Message, err error) {
	for _, of := range list(step, "messages") {
		m, err := message(of.(map[string]any))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// deadline is the context of a step's timeout_ms.
func deadline(step map[string]any) (context.Context, context.CancelFunc) {
	if most := number(step, "timeout_ms"); most > 0 {
		return bounded(most)
	}
	return context.Background(), func() {}
}

// sendOptions reads the options of a step, of which the deadline is the context's: that of the step comes first.
func sendOptions(step map[string]any) (
	ctx context.Context, cancel context.CancelFunc, options []mqproducer.SendOption, err error,
) {
	of := object(step, "options")
	if number(step, "timeout_ms") > 0 {
		ctx, cancel = deadline(step)
	} else {
		ctx, cancel = deadline(of)
	}
	switch chosen := object(of, "selector"); text(chosen, "kind") {
	case "", "round_robin":
	case "random":
		options = append(options, mqproducer.WithRandomQueue())
	case "hash":
		options = append(options, mqproducer.WithShardingKey(text(chosen, "key")))
	case "consistent_hash":
		options = append(options, mqproducer.WithConsistentHash(text(chosen, "key")))
	case "machine_room":
		var rooms []string
		for _, room := range list(chosen, "rooms") {
			rooms = append(rooms, room.(string))
		}
		options = append(options, mqproducer.WithMachineRooms(rooms...))
	case "queue":
		options = append(options, mqproducer.WithQueue(text(chosen, "broker"), int32(number(chosen, "queue_id"))))
	case "callback":
		options = append(options, mqproducer.WithQueueSelector(func(queues []mqproducer.MessageQueue) int {
			return map[string]int{"first": 0, "last": len(queues) - 1, "beyond": len(queues)}[text(chosen, "index")]
		}))
	default:
		err = fmt.Errorf("there is no selector `%s`", text(chosen, "kind"))
	}
	if split := number(step, "split_bytes"); split != 0 {
		options = append(options, mqproducer.WithSplit(int(split)))
	}
	return ctx, cancel, options, err
}

// send does a step that sends.
func (r *run) send(step map[string]any) (came outcome, later <-chan outcome, err error) {
	ctx, cancel, options, err := sendOptions(step)
	if err != nil {
		return nil, nil, err
	}
	// The deadline of an asynchronous call holds without its context.
	defer cancel()
	p, ends := r.producer, make(chan outcome, 1)
	begun := func(err error) (outcome, <-chan outcome, error) {
		if err != nil {
			return failure(err), nil, nil
		}
		return nil, ends, nil
	}
	all, err := messages(step)
	if err != nil {
		return nil, nil, err
	}
	switch text(step, "do") {
	case "send_batch":
		return ofBatch(p.SendBatch(ctx, all, options...)), nil, nil
	case "send_batch_oneway":
		return ofBatch(p.SendBatchOneway(ctx, all, options...)), nil, nil
	case "send_batch_async":
		return begun(p.SendBatchAsync(ctx, all, func(results []mqproducer.BatchEnd, err error) {
			ends <- ofBatch(results, err)
		}, options...))
	}
	m, err := message(object(step, "message"))
	if err != nil {
		return nil, nil, err
	}
	receipt := func(receipt *mqproducer.Receipt, err error) { ends <- ofReceipt(receipt, err) }
	switch do := text(step, "do"); do {
	case "send":
		return ofReceipt(p.Send(ctx, m, options...)), nil, nil
	case "send_oneway":
		return ofReceipt(p.SendOneway(ctx, m, options...)), nil, nil
	case "send_async":
		return begun(p.SendAsync(ctx, m, receipt, options...))
	case "request":
		return ofReceived(p.Request(ctx, m, options...)), nil, nil
	case "request_async":
		return begun(p.RequestAsync(ctx, m, func(m *mqproducer.ReceivedMessage, err error) {
			ends <- ofReceived(m, err)
		}, options...))
	case "reply", "reply_async":
		of := object(step, "to")
		to := mqproducer.ReplyTo{
			CorrelationID: text(of, "correlation_id"), ReplyToClient: text(of, "reply_to_client"),
			Cluster: text(of, "cluster"), TTL: time.Duration(number(of, "ttl_ms")) * time.Millisecond,
		}
		if do == "reply" {
			return ofReceipt(p.Reply(ctx, to, m, options...)), nil, nil
		}
		return begun(p.ReplyAsync(ctx, to, m, receipt, options...))
	default:
		return nil, nil, fmt.Errorf("there is no step `%s`", do)
	}
}
