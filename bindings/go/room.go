//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// room is the bound on messages in flight that end in the completion queue. It is the library's own bound, held here
// before: a goroutine that waits for room holds no thread, and does not keep the library from others.
type room struct {
	maxMessages, maxBytes int
	// policy is the configured backpressure, and timeout the configured deadline of a message.
	policy  string
	timeout time.Duration

	mu     sync.Mutex
	taken  load
	closed bool
	// queue is who waits for room, the oldest first.
	queue []*roomSeeker
	// company is for how many messages it is taken for granted that others come beside them.
	company int
	// idle is closed when nothing is in flight any more; nil: nobody waits for it.
	idle chan struct{}
}

// companyLasts is how many messages in a row have to be alone before one is sent as if it were.
const companyLasts = 8

// load is a number of messages and of the bytes of their bodies.
type load struct{ messages, bytes int }

func (l *load) add(bytes int) {
	l.messages++
	l.bytes += bytes
}

type roomSeeker struct {
	bytes int
	// admitted gets true with the room, or false when the producer is closed.
	admitted chan bool
}

// entered is how a message got its room.
type entered struct {
	// crowded tells that there is none: the library is to refuse the message, which then knows of it.
	crowded bool
	// left is what is left of the configured deadline; 0: all of it.
	left time.Duration
}

// enter takes room for one message, waiting as the policy says, at most as long as ctx.
func (r *room) enter(ctx context.Context, bytes int) (how entered, err error) {
	if ctx.Err() != nil {
		return how, interrupted(ctx, "send", false)
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return how, closedError()
	}
	if len(r.queue) == 0 && r.fits(bytes) || r.policy == "fail" {
		how.crowded = !r.fits(bytes)
		r.taken.add(bytes)
		r.mu.Unlock()
		return how, nil
	}
	if inCallback() {
		defer r.mu.Unlock()
		return how, r.full()
	}
	seeker := &roomSeeker{bytes, make(chan bool, 1)}
	r.queue = append(r.queue, seeker)
	r.mu.Unlock()
	how.left, err = r.wait(ctx, seeker)
	return how, err
}

// enterAlone takes room for messages that nothing else is in flight beside; else, or when the producer is closed, it
// takes none.
func (r *room) enterAlone(taken load) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.taken.messages > 0 || len(r.queue) > 0 {
		r.company = companyLasts
		return false
	}
	if r.company > 0 {
		r.company--
		return false
	}
	r.taken = taken
	return true
}

func (r *room) wait(ctx context.Context, seeker *roomSeeker) (left time.Duration, err error) {
	var late <-chan time.Time
	start := time.Now()
	_, bounded := ctx.Deadline()
	waits := r.policy == "block" && !bounded
	if waits {
		timer := time.NewTimer(r.timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case admitted := <-seeker.admitted:
		if !admitted {
			return 0, closedError()
		}
		if waits {
			left = max(r.timeout-time.Since(start), time.Millisecond)
		}
		return left, nil
	case <-ctx.Done():
	case <-late:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.queue, seeker); i >= 0 {
		r.queue = slices.Delete(r.queue, i, i+1)
	} else if <-seeker.admitted {
		r.giveBack(load{1, seeker.bytes})
	}
	// A large message that is gone may have kept small ones out.
	r.admit()
	if r.policy == "block" && ctx.Err() != context.Canceled {
		e := r.full()
		e.cause = ctx.Err()
		return 0, e
	}
	return 0, interrupted(ctx, "send", false)
}

func (r *room) fits(bytes int) bool {
	return r.taken.messages == 0 || r.taken.messages < r.maxMessages && r.taken.bytes+bytes <= r.maxBytes
}

func (r *room) full() *Error {
	what := "%d messages and %d bytes are in flight; `max_in_flight_messages` is %d, `max_in_flight_bytes` is %d"
	e := newError(StatusBackpressure, fmt.Sprintf(what, r.taken.messages, r.taken.bytes, r.maxMessages, r.maxBytes))
	e.Retriable = true
	return e
}

// leave gives room back.
func (r *room) leave(given load) {
	if given.messages == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveBack(given)
}

func (r *room) giveBack(given load) {
	r.taken.messages -= given.messages
	r.taken.bytes -= given.bytes
	r.admit()
	if r.taken.messages == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// admit lets in whom there is room for, the oldest first.
func (r *room) admit() {
	for len(r.queue) > 0 && r.fits(r.queue[0].bytes) {
		r.taken.add(r.queue[0].bytes)
		r.queue[0].admitted <- true
		r.queue = r.queue[1:]
	}
}

// close refuses further messages.
func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, seeker := range r.queue {
		seeker.admitted <- false
	}
	r.queue = nil
}

// waitIdle waits until nothing is in flight, for at most so long; less than 0: without an end. It tells how many
// messages are left.
func (r *room) waitIdle(most time.Duration) (left int) {
	r.mu.Lock()
	if r.taken.messages == 0 || most == 0 {
		defer r.mu.Unlock()
		return r.taken.messages
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.mu.Unlock()
	var late <-chan time.Time
	if most > 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-idle:
		return 0
	case <-late:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.taken.messages
	}
}
