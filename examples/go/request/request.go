// Asks and waits for the reply, or replies.
//
// request URL TOPIC [TEXT] sends a request; with the URL mock:// an embedded cluster of its own replies.
// request --reply URL CLUSTER CORRELATION_ID REPLY_TO_CLIENT TTL_MS BODY replies to one that something else consumed; the
// four in the middle are in the request's properties.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"mqproducer"
)

func main() {
	var err error
	switch arguments := os.Args[1:]; {
	case len(arguments) == 7 && arguments[0] == "--reply":
		err = reply(arguments[1:])
	case len(arguments) == 2:
		err = request(arguments[0], arguments[1], "hello")
	case len(arguments) == 3:
		err = request(arguments[0], arguments[1], arguments[2])
	default:
		log.Fatal("usage: request URL TOPIC [TEXT]\n" +
			"       request --reply URL CLUSTER CORRELATION_ID REPLY_TO_CLIENT TTL_MS BODY")
	}
	if err != nil {
		log.Fatal(err)
	}
}

func request(url, topic, text string) error {
	if url == "mock://" {
		cluster, err := mqproducer.NewMockCluster("", 1, 4)
		if err != nil {
			return err
		}
		defer cluster.Close()
		if err := cluster.Echo(topic); err != nil {
			return err
		}
		url = cluster.URL()
	}
	return with(url, "request-go", func(ctx context.Context, producer *mqproducer.Producer) error {
		reply, err := producer.Request(ctx, &mqproducer.Message{Topic: topic, Body: []byte(text)})
		if err != nil {
			return err
		}
		fmt.Printf("go reply: %s\n", reply.Body)
		return nil
	})
}

func reply(arguments []string) error {
	ttl, err := strconv.ParseUint(arguments[4], 10, 32)
	if err != nil {
		return err
	}
	to := mqproducer.ReplyTo{
		Cluster:       arguments[1],
		CorrelationID: arguments[2],
		ReplyToClient: arguments[3],
		TTL:           time.Duration(ttl) * time.Millisecond,
	}
	return with(arguments[0], "reply-go", func(ctx context.Context, producer *mqproducer.Producer) error {
		receipt, err := producer.Reply(ctx, to, &mqproducer.Message{Body: []byte(arguments[5])})
		if err != nil {
			return err
		}
		fmt.Printf("go replied id=%s\n", receipt.MessageID)
		return nil
	})
}

// with lends a producer for at most 10 s.
func with(url, group string, work func(context.Context, *mqproducer.Producer) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	producer, err := mqproducer.New(url, group)
	if err != nil {
		return err
	}
	defer func() {
		if failure := producer.Close(ctx); err == nil {
			err = failure
		}
	}()
	if err := producer.Start(); err != nil {
		return err
	}
	return work(ctx, producer)
}
