//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import "context"

// CreateTemporaryQueue makes a queue of an ActiveMQ broker that lives as long as the producer, for the answers of others:
// its name, temp-queue://..., for [JMS.ReplyTo]. It is made anew, with its name, on each connection. Errors:
// [ErrUnsupported] for RocketMQ, else those of [Producer.Send].
func (p *Producer) CreateTemporaryQueue(ctx context.Context) (string, error) {
	return p.createTemporary(ctx, 0)
}

// CreateTemporaryTopic does the same for a topic, temp-topic://....
func (p *Producer) CreateTemporaryTopic(ctx context.Context) (string, error) {
	return p.createTemporary(ctx, 1)
}

func (p *Producer) createTemporary(ctx context.Context, topic C.uint32_t) (string, error) {
	return held(ctx, p, "making of a temporary destination", func() (string, error) {
		timeout, bounded := timeoutOf(ctx, 0, longestSend)
		var room [C.MQP_TEMPORARY_NAME_SIZE]C.char
		failure := C.mqpgo_create_temporary(p.handle, topic, C.uint32_t(timeout), &room[0])
		if failure != nil {
			return "", attribute(take(failure), bounded)
		}
		return C.GoString(&room[0]), nil
	})
}

// DeleteTemporary takes one of them away; from now on messages to it fail with [ErrInvalidMessage]. Errors: those of
// [Producer.CreateTemporaryQueue], and [ErrInvalidArgument] for a name that is none of this producer's.
func (p *Producer) DeleteTemporary(ctx context.Context, name string) error {
	_, err := held(ctx, p, "deletion of a temporary destination", func() (struct{}, error) {
		timeout, bounded := timeoutOf(ctx, 0, longestSend)
		texts := pack(name)
		defer texts.free()
		text, lengths := texts.first()
		failure := C.mqpgo_delete_temporary(p.handle, text, *lengths, C.uint32_t(timeout))
		return struct{}{}, attribute(take(failure), bounded)
	})
	return err
}
