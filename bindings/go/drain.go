//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// drain takes the ends of messages out of the library's completion queue, on one goroutine, which the runtime's poller
// wakes by the queue's descriptor: no thread waits. It ends when its producer is freed and every message has ended.
type drain struct {
	completions *C.mqpgo_completions
	file        *os.File
	room        *room
	runner      runner
	// pause is for gather.
	pause time.Duration

	mu sync.Mutex
	// sent holds what is with the library, each in the place that its ticket names; free are the places that are empty.
	sent []*sending
	free []int
	// last tells that no message comes any more.
	last bool
}

func newDrain(r *room) (*drain, error) {
	var completions *C.mqpgo_completions
	var descriptor, refused C.int
	if failure := C.mqpgo_completions_new(&completions, &descriptor, &refused); failure != nil {
		return nil, take(failure)
	}
	if refused != 0 {
		what := "the system refused a descriptor for a completion queue: " + syscall.Errno(refused).Error()
		return nil, newError(StatusResource, what)
	}
	d := &drain{
		completions: completions, file: os.NewFile(uintptr(descriptor), "mqproducer completions"), room: r,
		pause: shortestPause,
	}
	d.runner.room = r
	// Only a file that the poller watches has a deadline.
	if err := d.file.SetReadDeadline(time.Time{}); err != nil {
		d.dispose()
		return nil, newError(StatusResource, "the descriptor of a completion queue cannot be waited for: "+err.Error())
	}
	go d.run()
	return d, nil
}

// run serves the queue until the end. The descriptor is a state that the library keeps, so that it is never read: what
// makes it unreadable is a poll that takes all there is. What comes after such a poll makes it readable anew, and that
// the poller sees, also when it is not waiting yet.
func (d *drain) run() {
	raw, err := d.file.SyscallConn()
	for err == nil && !d.over() {
		// An error tells that finish woke it, no more.
		_ = raw.Read(func(uintptr) bool {
			for taken := d.poll(); taken == C.MQPGO_AT_ONCE || d.gather(taken); {
				taken = d.poll()
			}
			return d.over()
		})
	}
	d.dispose()
}

// Where more messages than this are in flight, the time between two polls is lost in the time that they wait anyway.
const manyInFlight = 8 * C.MQPGO_AT_ONCE

// The time between two such polls. The longest one lets 1,000 messages a second, of which each waits for half a second
// then, still end sixteen at a time.
const (
	shortestPause = 50 * time.Microsecond
	longestPause  = 16 * time.Millisecond
)

// gather waits a little when a poll took few ends although many are to come, so that the next takes more; it tells whether
// it did.
func (d *drain) gather(taken int) bool {
	d.mu.Lock()
	many := len(d.sent)-len(d.free) > manyInFlight
	d.mu.Unlock()
	if !many {
		d.pause = shortestPause
		return false
	}
	if taken < C.MQPGO_AT_ONCE/4 {
		d.pause = min(2*d.pause, longestPause)
	} else if taken > C.MQPGO_AT_ONCE*3/4 {
		d.pause = max(d.pause/2, shortestPause)
	}
	time.Sleep(d.pause)
	return true
}

func (d *drain) dispose() {
	d.file.Close()
	C.mqpgo_completions_free(d.completions)
}

func (d *drain) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last && len(d.free) == len(d.sent)
}

// finish ends the drain after the messages that are with the library.
func (d *drain) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = true
	if len(d.free) == len(d.sent) {
		d.file.SetReadDeadline(time.Unix(1, 0))
	}
}

// poll takes what there is, but at most MQPGO_AT_ONCE ends, and tells how many it took.
func (d *drain) poll() int {
	if failure := C.mqpgo_completions_poll(d.completions); failure != nil {
		report(LevelError, "the completion queue cannot be polled: "+take(failure).Error())
		return 0
	}
	count := int(d.completions.count)
	var ended [C.MQPGO_AT_ONCE]*sending
	d.withdraw(ended[:count], d.completions.tickets[:count])
	var ends [C.MQPGO_AT_ONCE]SendEnd
	var calls []call
	var left load
	for i, s := range ended[:count] {
		if s == nil {
			report(LevelError, fmt.Sprintf("a completion has the ticket %d, which no message has", d.completions.tickets[i]))
			continue
		}
		if !s.state.CompareAndSwap(stateHanded, stateCompleted) {
			ended[i] = nil
			left.add(s.bytes)
			continue
		}
		ends[i] = s.read(&d.completions.ends[i])
		if s.callback != nil {
			ended[i] = nil
			calls = append(calls, call{s, ends[i]})
			continue
		}
		left.add(s.bytes)
	}
	// Who is told finds the room given back.
	d.room.leave(left)
	for i, s := range ended[:count] {
		if s != nil {
			s.tell(ends[i])
		}
	}
	d.runner.run(calls)
	return count
}

// admit gives a message its ticket, for the library to tell of it.
func (d *drain) admit(s *sending) C.uintptr_t {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.place(s)
}

// admitAll gives each message its ticket, but 0 to those that were given up already.
func (d *drain) admitAll(tickets []C.uintptr_t, all []*sending) []C.uintptr_t {
	var left load
	d.mu.Lock()
	for _, s := range all {
		if s.state.CompareAndSwap(stateOpen, stateHanded) {
			tickets = append(tickets, d.place(s))
		} else {
			tickets = append(tickets, 0)
			left.add(s.bytes)
		}
	}
	d.mu.Unlock()
	d.room.leave(left)
	return tickets
}

func (d *drain) place(s *sending) C.uintptr_t {
	if last := len(d.free) - 1; last >= 0 {
		at := d.free[last]
		d.free = d.free[:last]
		d.sent[at] = s
		return C.uintptr_t(at + 1)
	}
	d.sent = append(d.sent, s)
	return C.uintptr_t(len(d.sent))
}

// withdraw takes back what tickets stand for; nil for one that nobody has.
func (d *drain) withdraw(to []*sending, tickets []C.uintptr_t) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, ticket := range tickets {
		at := int(ticket) - 1
		if at < 0 || at >= len(d.sent) || d.sent[at] == nil {
			continue
		}
		to[i], d.sent[at] = d.sent[at], nil
		d.free = append(d.free, at)
	}
}

// refuse ends a message that the library did not take.
func (d *drain) refuse(ticket C.uintptr_t, why error) {
	s := d.withdrawOne(ticket)
	switch {
	case !s.state.CompareAndSwap(stateHanded, stateCompleted):
		d.room.leave(load{1, s.bytes})
	case s.callback != nil:
		d.runner.run([]call{{s, SendEnd{Err: why}}})
	default:
		d.room.leave(load{1, s.bytes})
		s.tell(SendEnd{Err: why})
	}
}

// takeBack forgets a message that the library did not take, and whose sender learns it otherwise.
func (d *drain) takeBack(ticket C.uintptr_t) { d.room.leave(load{1, d.withdrawOne(ticket).bytes}) }

func (d *drain) withdrawOne(ticket C.uintptr_t) *sending {
	var s [1]*sending
	d.withdraw(s[:], []C.uintptr_t{ticket})
	return s[0]
}
