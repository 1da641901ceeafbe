package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"mqproducer"
)

// bounded is the context of a time in milliseconds.
func bounded(milliseconds int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Duration(milliseconds)*time.Millisecond)
}

// begin does a step once: it has ended by its outcome, or will tell it.
func (r *run) begin(step map[string]any) (came outcome, later <-chan outcome, err error) {
	do := text(step, "do")
	switch do {
	case "config_set":
		return r.set(step), nil, nil
	case "create":
		return ended(r.create()), nil, nil
	case "statuses":
		return errorNames(), nil, nil
	case "stored":
		came, err = r.stored(text(step, "topic"), number(step, "count"))
		return came, nil, err
	case "hook_calls":
		calls, there := r.calls.wait(int(number(step, "count")))
		return noted(there, outcome{"calls": calls}), nil, nil
	case "checks":
		messages, there := r.asked.wait(int(number(step, "count")))
		return noted(there, outcome{"count": len(messages), "messages": messages}), nil, nil
	case "push_fault", "clear_faults", "clear_requests", "clear_messages", "set_broker", "requests":
		came, err = r.script(step)
		return came, nil, err
	}
	if r.producer == nil {
		return nil, nil, errors.New("there is no producer yet")
	}
	switch do {
	case "start":
		return ended(r.producer.Start()), nil, nil
	case "flush":
		ctx, cancel := bounded(number(step, "timeout_ms"))
		defer cancel()
		return ended(r.producer.Flush(ctx)), nil, nil
	case "close":
		ctx, cancel := bounded(number(step, "timeout_ms"))
		defer cancel()
		return ended(r.producer.Close(ctx)), nil, nil
	case "brokers":
		return ofBrokers(r.producer.Brokers()), nil, nil
	case "statistics":
		statistics, err := r.producer.Statistics()
		if err != nil {
			return failure(err), nil, nil
		}
		return outcome{"status": "OK", "statistics": json.RawMessage(statistics.JSON)}, nil, nil
	case "begin", "commit", "rollback", "release", "transaction_send":
		came, err = r.transaction(step)
		return came, nil, err
	case "recall":
		ctx, cancel := deadline(step)
		defer cancel()
		return ofReceipt(r.producer.Recall(ctx, textOr(step, "topic", "T"), text(step, "handle"))), nil, nil
	}
	return r.send(step)
}

func noted(there bool, what outcome) outcome {
	if !there {
		return timedOut()
	}
	what["status"] = "OK"
	return what
}

// set adds a key to the configuration, unless it does not take the value.
func (r *run) set(step map[string]any) outcome {
	key, value := text(step, "key"), text(step, "value")
	if err := r.accepts(key, value); err != nil {
		return failure(err)
	}
	r.options = append(r.options, mqproducer.With(key, value))
	return ok()
}

func (r *run) transaction(step map[string]any) (outcome, error) {
	name := textOr(step, "transaction", "t")
	if text(step, "do") == "begin" {
		transaction, err := r.producer.Begin()
		if err != nil {
			return failure(err), nil
		}
		r.transactions[name] = transaction
		return ok(), nil
	}
	transaction := r.transactions[name]
	if transaction == nil {
		return nil, fmt.Errorf("there is no transaction `%s`", name)
	}
	ctx := context.Background()
	switch text(step, "do") {
	case "commit":
		return ended(transaction.Commit(ctx)), nil
	case "rollback":
		return ended(transaction.Rollback(ctx)), nil
	case "release":
		transaction.Close()
		delete(r.transactions, name)
		return ok(), nil
	}
	ctx, cancel, options, err := sendOptions(step)
	if err != nil {
		return nil, err
	}
	defer cancel()
	m, err := message(object(step, "message"))
	if err != nil {
		return nil, err
	}
	return ofReceipt(transaction.Send(ctx, m, options...)), nil
}

func (r *run) stored(topic string, count int64) (outcome, error) {
	var messages []any
	if r.cluster == nil {
		var err error
		if messages, err = askParent(topic, count); err != nil {
			return nil, err
		}
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := r.cluster.Wait(ctx, topic, int(count)); err != nil {
			return failure(err), nil
		}
		all, err := r.storedMessages(topic)
		if err != nil {
			return failure(err), nil
		}
		for _, m := range all {
			messages = append(messages, ofStored(m))
		}
	}
	queues, brokers := map[string]bool{}, map[any]bool{}
	for _, m := range messages {
		fields, _ := m.(map[string]any)
		queues[fmt.Sprint(fields["broker"], "/", fields["queue_id"])] = true
		brokers[fields["broker"]] = true
	}
	return outcome{
		"status": "OK", "count": len(messages), "queues": len(queues), "brokers": len(brokers),
		"messages": append([]any{}, messages...),
	}, nil
}

// script is what is done to the embedded cluster, and asked of it.
func (r *run) script(step map[string]any) (outcome, error) {
	if r.cluster == nil {
		return nil, errors.New("a step of the embedded cluster, on a real one")
	}
	broker, code := text(step, "broker"), int32(number(step, "request_code"))
	switch text(step, "do") {
	case "push_fault":
		action, err := faultAction(text(step, "action"))
		if err != nil {
			return nil, err
		}
		bytes, err := bodyBytes(text(step, "bytes"))
		if err != nil {
			return nil, err
		}
		return ended(r.cluster.PushFault(mqproducer.MockFault{
			Action: action, Broker: broker, RequestCode: code, Count: uint32(numberOr(step, "count", 1)),
			ResponseCode: int32(number(step, "response_code")), Remark: text(step, "remark"),
			Delay: time.Duration(number(step, "delay_ms")) * time.Millisecond, Bytes: bytes,
		})), nil
	case "clear_faults":
		return ended(r.cluster.ClearFaults()), nil
	case "clear_requests":
		return ended(r.cluster.ClearRequests()), nil
	case "clear_messages":
		return ended(r.cluster.Clear()), nil
	case "set_broker":
		state, known := map[string]mqproducer.MockBrokerState{
			"up": mqproducer.MockBrokerUp, "out_of_route": mqproducer.MockBrokerOutOfRoute,
			"stopped": mqproducer.MockBrokerStopped,
			"gone":    mqproducer.MockBrokerOutOfRoute | mqproducer.MockBrokerStopped,
		}[text(step, "state")]
		if !known {
			return nil, fmt.Errorf("there is no state `%s`", text(step, "state"))
		}
		return ended(r.cluster.SetBrokerState(broker, state)), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := r.cluster.WaitRequests(ctx, broker, code, int(number(step, "count"))); err != nil {
		return failure(err), nil
	}
	requests, _, err := r.cluster.Requests(broker, code)
	if err != nil {
		return failure(err), nil
	}
	all := make([]any, len(requests))
	for i, request := range requests {
		all[i] = ofRequest(request)
	}
	return outcome{"status": "OK", "count": len(all), "requests": all}, nil
}

func faultAction(name string) (mqproducer.MockFaultAction, error) {
	for action := mqproducer.MockFaultAnswer; action <= mqproducer.MockFaultStopReading; action++ {
		if strings.ToLower(action.String()) == name {
			return action, nil
		}
	}
	return 0, fmt.Errorf("there is no fault `%s`", name)
}
