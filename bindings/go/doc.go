//go:build cgo

// Package mqproducer sends messages to Apache RocketMQ and its relatives. It is a thin layer over the C library
// libmqproducer, which does the work; this package adds contexts, errors and garbage collection.
//
//	producer, err := mqproducer.New("rocketmq://127.0.0.1:9876", "orders")
//	if err != nil { ... }
//	defer producer.Close(context.Background())
//	if err := producer.Start(); err != nil { ... }
//	receipt, err := producer.Send(ctx, &mqproducer.Message{Topic: "Orders", Body: []byte("hello")})
//
// # Sending
//
// [Producer.Send] waits for the broker's answer without holding a thread, [Producer.SendAsync] calls back,
// [Producer.SendOneway] asks for no answer. The deadline of the context, when it has one, is the total deadline of the
// message, over all tries, in place of the configured send_msg_timeout. A context that is done ends the waiting at once,
// not the message: what was handed to the library before may still be stored, and the error says so by MaybePersisted.
//
// A [SendOption] such as [WithShardingKey] chooses the queue of one message. A [Hook], added by [Producer.AddHook] before
// Start, sees every message of a producer and may refuse it. [Producer.SetTraceContext] gives messages the trace context
// of the code that sends. [Producer.Brokers] tells how the brokers do, [Producer.Statistics] what was counted.
//
// [Producer.SendBatch] sends several messages in one request. [Producer.Transaction] sends one that consumers see once it
// is committed. [Producer.Request] waits for the reply of whoever consumes the message, [Producer.Reply] gives such a
// reply. [Producer.Recall] takes a delayed message back.
//
// # Errors
//
// Every error is an [*Error]; errors.Is compares it with [ErrTimeout] and its like, and with the error of the context
// that ended a call. Its Code is the number that RocketMQ's Java client gives the failure. Configuration is checked by
// New, messages by each send; such errors name the field, the value and the limit.
//
// # Callbacks
//
// The functions given to SendAsync and its like, to SetTransactionChecker and to SetStatisticsCallback run one after the
// other on a single thread of the library, for the whole process; so does that given to SetLog, except while there is no
// producer. They must not block, or all others wait: Send, Flush, Close and all others that wait for an end return
// [ErrWouldDeadlock] there. A panic in one is recovered and reported to the log function, or on standard error when there
// is none; runtime.Goexit there, such as by a test's FailNow, ends the program.
//
// # Building
//
// The package needs cgo and libmqproducer. The linker finds the library in its usual directories or where CGO_LDFLAGS
// says:
//
//	CGO_LDFLAGS="-L/opt/mqproducer/lib -Wl,-rpath,/opt/mqproducer/lib" go build
package mqproducer
