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
// [Producer.Send] waits for the broker's answer, [Producer.SendAsync] calls back,
// [Producer.SendChannel] gives a channel, [Producer.SendMany] sends many at once, [Producer.SendOneway] asks for no
// answer. The deadline of the context, when it has one, is the total deadline of the message, over all tries, in place of
// the configured send_msg_timeout. A context that is done ends the waiting at once, not the message: one that was handed
// to the library before may still be stored, and the error says so by MaybePersisted; its end is dropped when it comes.
//
// A producer has one goroutine, which the runtime's poller wakes when messages have ended; while sends come faster than
// the library takes them, they go together. A send without room in flight waits, or fails, as backpressure says; it holds
// a goroutine then, no thread.
//
// A [SendOption] such as [WithShardingKey] chooses the queue of one message. A [Hook], added by [Producer.AddHook] before
// Start, sees every message of a producer and may refuse it. [Producer.SetTraceContext] gives messages the trace context
// of the code that sends. [Producer.Brokers] tells how the brokers do, [Producer.Statistics] what was counted.
//
// [Producer.SendBatch] sends several messages in one request. [Producer.Transaction] sends one that consumers see once it
// is committed. With the key reliability = reliable a send succeeds only when the message is safe; [Producer.SetAlarm] tells
// of those that are not, [Producer.SetSpoolCallback] of those that a local spool kept. [Producer.Request] waits for the reply of whoever consumes the message, [Producer.Reply] gives such a
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
// The functions given to SendAsync run on a goroutine of their producer, one after the other: one that blocks delays the
// others, and nothing else. Those given to the other Async calls, to SetTransactionChecker, SetStatisticsCallback, SetAlarm
// and SetSpoolCallback run one after the other on a single thread of the library, for the whole process; so does that given to SetLog, except
// while there is no producer. They must not block, or all others wait; runtime.Goexit there, such as by a test's FailNow,
// ends the program.
//
// In all of them Send, Flush, Close and all others that wait for an end return [ErrWouldDeadlock]. A panic is recovered
// and reported to the log function, or on standard error when there is none.
//
// # Log
//
// [SetLogger] sends the library's log to a slog.Logger. Without it, and without SetLog, the library says nothing.
//
// # Building
//
// The package needs cgo. The published module holds the library for Linux on amd64 and arm64: a program has it inside,
// and nothing is to be installed. With `-tags musl` it is the one for musl (Alpine); with `-tags mqproducer_shared` the
// program loads libmqproducer.so instead.
//
// In the repository, and with that tag, the linker finds the library in its usual directories or where CGO_LDFLAGS
// says:
//
//	CGO_LDFLAGS="-L/opt/mqproducer/lib -Wl,-rpath,/opt/mqproducer/lib" go build
package mqproducer
