// Every call that the producers of github.com/apache/rocketmq-client-go v1.2.4 have; a line of JSON for each message.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/core"
)

var address, topic = os.Args[1], os.Args[2]

func must(what string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
		os.Exit(1)
	}
}

func mustFail(what string, err, expected error) {
	if err != expected {
		fmt.Fprintf(os.Stderr, "%s: %v, expected %v\n", what, err, expected)
		os.Exit(1)
	}
}

func tell(kind, body, id, sameQueue string) {
	line, err := json.Marshal(map[string]any{
		"kind": kind, "id": id, "body": body, "tags": "tag", "keys": "key-" + body, "same_queue": sameQueue,
		"properties": map[string]string{"colour": "blue"},
	})
	must("JSON", err)
	fmt.Println(string(line))
}

func message(body string) *rocketmq.Message {
	return &rocketmq.Message{
		Topic: topic, Tags: "tag", Keys: "key-" + body, Body: body, Property: map[string]string{"colour": "blue"},
	}
}

func config(group string, model rocketmq.ProducerModel) *rocketmq.ProducerConfig {
	client := rocketmq.ClientConfig{GroupID: group, NameServer: address}
	if key := os.Getenv("PROGRAM_ACCESS_KEY"); key != "" {
		client.Credentials = &rocketmq.SessionCredentials{AccessKey: key, SecretKey: os.Getenv("PROGRAM_SECRET_KEY")}
	}
	return &rocketmq.ProducerConfig{ClientConfig: client, SendMsgTimeout: 10000, ProducerModel: model}
}

func started(group string, model rocketmq.ProducerModel) rocketmq.Producer {
	producer, err := rocketmq.NewProducer(config(group, model))
	must("NewProducer", err)
	must("Start", producer.Start())
	return producer
}

type last struct{ calls int }

func (s *last) Select(size int, m *rocketmq.Message, arg interface{}) int {
	s.calls++
	if m.Body != "ordered" || arg.(int) != 7 || size < 1 {
		panic(fmt.Sprint("the selector saw ", m, arg, size))
	}
	return size - 1
}

type listener struct {
	answer  rocketmq.TransactionStatus
	execute []string
	checked chan string
}

func (l *listener) Execute(m *rocketmq.Message, _ interface{}) rocketmq.TransactionStatus {
	l.execute = append(l.execute, m.Body)
	return l.answer
}

func (l *listener) Check(m *rocketmq.MessageExt, _ interface{}) rocketmq.TransactionStatus {
	l.checked <- m.Body
	return rocketmq.CommitTransaction
}

// Everything is refused; the binding makes an error of its own of each number.
func refused() {
	producer := started("drop-in-go-refused", rocketmq.CommonProducer)
	ordered := started("drop-in-go-refused-ordered", rocketmq.OrderlyProducer)
	_, err := producer.SendMessageSync(message("x"))
	mustFail("SendMessageSync", err, rocketmq.ErrSendSyncFailed)
	_, err = producer.SendMessageOrderly(message("ordered"), &last{}, 7, 1)
	mustFail("SendMessageOrderly", err, rocketmq.ErrSendOrderlyFailed)
	_, err = ordered.SendMessageOrderlyByShardingKey(message("x"), "k")
	mustFail("SendMessageOrderlyByShardingKey", err, rocketmq.ErrSendOrderlyFailed)
	must("SendMessageOneway", producer.SendMessageOneway(message("x")))
	told := &listener{}
	transactions, err := rocketmq.NewTransactionProducer(config("drop-in-go-refused-tx", rocketmq.TransProducer), told, nil)
	must("NewTransactionProducer", err)
	must("Start", transactions.Start())
	_, err = transactions.SendMessageTransaction(message("x"), nil)
	// The binding has no name for this number.
	if err == nil || err.Error() != "unknow error: 16" {
		must("SendMessageTransaction", fmt.Errorf("%v, expected the number 16", err))
	}
	if len(told.execute) != 0 {
		must("the executor", fmt.Errorf("saw %v", told.execute))
	}
	_ = transactions.Shutdown()
	_ = ordered.Shutdown()
	_ = producer.Shutdown()
	for _, call := range []string{
		"SendMessageSync", "SendMessageOrderly", "SendMessageOrderlyByShardingKey", "SendMessageTransaction",
	} {
		fmt.Printf("{\"refused\": %q}\n", call)
	}
}

func main() {
	if len(os.Args) > 3 {
		refused()
		return
	}
	producer := started("drop-in-go", rocketmq.CommonProducer)
	result, err := producer.SendMessageSync(message("sync"))
	must("SendMessageSync", err)
	tell("sync", "sync", result.MsgId, "")
	must("SendMessageOneway", producer.SendMessageOneway(message("oneway")))
	tell("oneway", "oneway", "", "")
	selector := &last{}
	result, err = producer.SendMessageOrderly(message("ordered"), selector, 7, 3)
	must("SendMessageOrderly", err)
	tell("orderly", "ordered", result.MsgId, "")
	if selector.calls != 1 {
		must("the selector", fmt.Errorf("%d calls", selector.calls))
	}
	large := message("large")
	large.Body = fmt.Sprintf("%0200000d", 1)
	_, err = producer.SendMessageSync(large)
	mustFail("a large message", err, rocketmq.ErrSendSyncFailed)
	wrong := message("wrong")
	wrong.Topic = "no topic!"
	mustFail("a wrong topic", producer.SendMessageOneway(wrong), rocketmq.ErrSendOnewayFailed)

	ordered := started("drop-in-go-ordered", rocketmq.OrderlyProducer)
	for index := 0; index < 8; index++ {
		body := fmt.Sprintf("sharded-%d", index)
		result, err = ordered.SendMessageOrderlyByShardingKey(message(body), "user-1")
		must("SendMessageOrderlyByShardingKey", err)
		tell("sharded", body, result.MsgId, "user-1")
	}

	told := &listener{checked: make(chan string, 10)}
	// A group of its own: the broker may ask any producer of a group, also that of the same program beside this one.
	transactions, err := rocketmq.NewTransactionProducer(config("drop-in-go-"+topic, rocketmq.TransProducer), told, nil)
	must("NewTransactionProducer", err)
	must("Start", transactions.Start())
	for _, answer := range []rocketmq.TransactionStatus{
		rocketmq.CommitTransaction, rocketmq.RollbackTransaction, rocketmq.UnknownTransaction,
	} {
		told.answer = answer
		body := "transaction-" + answer.String()
		result, err := transactions.SendMessageTransaction(message(body), nil)
		must("SendMessageTransaction", err)
		if told.execute[len(told.execute)-1] != body {
			must("the executor", fmt.Errorf("saw %v", told.execute))
		}
		if answer != rocketmq.RollbackTransaction {
			tell("transaction", body, result.MsgId, "")
		}
	}
	select {
	case body := <-told.checked:
		if body != "transaction-UnknownTransaction" {
			must("the checker", fmt.Errorf("saw %s", body))
		}
	case <-time.After(2 * time.Minute):
		must("the checker", fmt.Errorf("was not asked"))
	}
	_, err = rocketmq.NewPushConsumer(&rocketmq.PushConsumerConfig{
		ClientConfig: rocketmq.ClientConfig{GroupID: "drop-in", NameServer: address},
	})
	if err == nil {
		must("NewPushConsumer", fmt.Errorf("made a consumer"))
	}

	// On success they return an error of the number 0; the binding does so with every library.
	_ = transactions.Shutdown()
	_ = ordered.Shutdown()
	_ = producer.Shutdown()
	_, err = producer.SendMessageSync(message("late"))
	mustFail("a send after the end", err, rocketmq.ErrSendSyncFailed)
}
