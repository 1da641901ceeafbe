//go:build cgo

package mqproducer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"mqproducer"
)

func Example() {
	producer, err := mqproducer.New("mock://go-example", "orders")
	if err != nil {
		log.Fatal(err)
	}
	defer producer.Close(context.Background())
	if err := producer.Start(); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	receipt, err := producer.Send(ctx, &mqproducer.Message{Topic: "Orders", Body: []byte("hello")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.SendStatus, receipt.Topic)
	// Output: SEND_OK Orders
}

func ExampleError() {
	_, err := mqproducer.New("mock://", "orders", mqproducer.With("send_msg_timeot", 500))
	var e *mqproducer.Error
	if errors.Is(err, mqproducer.ErrInvalidConfig) && errors.As(err, &e) {
		fmt.Println(e.Name, e.Retriable)
	}
	// Output: INVALID_CONFIG false
}

func ExampleProducer_SendAsync() {
	producer, err := mqproducer.New("mock://go-example", "orders")
	if err != nil {
		log.Fatal(err)
	}
	defer producer.Close(context.Background())
	if err := producer.Start(); err != nil {
		log.Fatal(err)
	}
	message := &mqproducer.Message{Topic: "Orders", Body: []byte("hello")}
	err = producer.SendAsync(context.Background(), message, func(receipt *mqproducer.Receipt, err error) {
		fmt.Println(receipt.SendStatus, err)
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := producer.Flush(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: SEND_OK <nil>
}

func ExampleProducer_AddHook() {
	producer, err := mqproducer.New("mock://go-example", "orders")
	if err != nil {
		log.Fatal(err)
	}
	defer producer.Close(context.Background())
	err = producer.AddHook(mqproducer.Hook{
		CheckForbidden: func(c mqproducer.HookContext) error {
			if c.Topic == "Secret" {
				return errors.New("not from here")
			}
			return nil
		},
		AfterSend: func(c mqproducer.HookContext, receipt *mqproducer.Receipt, err error) {
			fmt.Println("after", c.Topic, c.Attempts, err)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := producer.Start(); err != nil {
		log.Fatal(err)
	}
	for _, topic := range []string{"Orders", "Secret"} {
		_, err := producer.Send(context.Background(), &mqproducer.Message{Topic: topic, Body: []byte("hello")})
		fmt.Println(errors.Is(err, mqproducer.ErrForbidden))
	}
	// Output:
	// after Orders 1 <nil>
	// false
	// true
}

func ExampleWithShardingKey() {
	producer, err := mqproducer.New("mock://go-example", "orders")
	if err != nil {
		log.Fatal(err)
	}
	defer producer.Close(context.Background())
	if err := producer.Start(); err != nil {
		log.Fatal(err)
	}
	queues := map[int32]bool{}
	for _, step := range []string{"created", "paid", "sent"} {
		message := &mqproducer.Message{Topic: "Orders", Body: []byte(step)}
		receipt, err := producer.Send(context.Background(), message, mqproducer.WithShardingKey("order-17"))
		if err != nil {
			log.Fatal(err)
		}
		queues[receipt.QueueID] = true
	}
	fmt.Println(len(queues), "queue")
	// Output: 1 queue
}

func ExampleSlog() {
	if err := mqproducer.SetLog(mqproducer.LevelWarn, mqproducer.Slog(slog.Default())); err != nil {
		log.Fatal(err)
	}
	defer mqproducer.SetLog(mqproducer.LevelOff, nil)
}
