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

func ExampleSlog() {
	if err := mqproducer.SetLog(mqproducer.LevelWarn, mqproducer.Slog(slog.Default())); err != nil {
		log.Fatal(err)
	}
	defer mqproducer.SetLog(mqproducer.LevelOff, nil)
}
