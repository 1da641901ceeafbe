//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"regexp"
	"sync"
	"unsafe"
)

// gatherer collects messages while others are handed to the library, so that many go with one call.
type gatherer struct {
	mu sync.Mutex
	// waiting is what came since the last call, current what is being handed over; nil: nothing.
	waiting, current *gathered
	// spare are empty ones, no more than are in use at the same time.
	spare []*gathered
	// known are the topics of which the library took a message: their routes are there, so that none waits for them, nor
	// those of other topics behind it.
	known map[string]struct{}
}

// gathered is messages one behind the other, in memory that holds no Go pointers, and who is told of their ends.
type gathered struct {
	texts    packed
	bodies   []byte
	messages []C.mqpgo_message
	options  []C.mqpgo_options
	all      []*sending
	tickets  []C.uintptr_t
	errors   []*C.mqp_error
	// handed is closed when they are with the library.
	handed chan struct{}
}

const (
	// Above these who sends waits until the messages are on their way to the library.
	mostGathered      = 1024
	mostGatheredBytes = 1 << 20
	// largeBody is not worth a copy: such a message goes by itself.
	largeBody = 1 << 15
	// mostKnown bounds the memory for topics' names.
	mostKnown = 1 << 14
)

// add takes a message, unless its topic is not known. It tells whether nobody hands messages over now: the caller has to
// let handOver begin. In a callback it never waits; elsewhere it does for as long as ctx while there are too many.
func (g *gatherer) add(
	ctx context.Context, m *Message, numbers *C.mqpgo_message, selected *selection, options C.mqpgo_options, s *sending,
) (taken, begin bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for w := g.waiting; w != nil && (len(w.all) >= mostGathered || len(w.bodies) >= mostGatheredBytes); w = g.waiting {
		handed := w.handed
		g.mu.Unlock()
		callback := inCallback()
		if !callback {
			select {
			case <-handed:
			case <-ctx.Done():
				err = interrupted(ctx, "send", false)
			}
		}
		g.mu.Lock()
		if err != nil {
			return false, false, err
		}
		if callback {
			break
		}
	}
	if _, known := g.known[m.Topic]; !known {
		return false, false, nil
	}
	begin = g.waiting == nil && g.current == nil
	if g.waiting == nil {
		if last := len(g.spare) - 1; last >= 0 {
			g.waiting, g.spare = g.spare[last], g.spare[:last]
		} else {
			g.waiting = new(gathered)
		}
		g.waiting.handed = make(chan struct{})
	}
	w := g.waiting
	w.texts.addSelection(selected)
	w.texts.addMessage(m)
	w.bodies = append(w.bodies, m.Body...)
	w.messages = append(w.messages, *numbers)
	w.options = append(w.options, options)
	w.all = append(w.all, s)
	return true, begin, nil
}

// next gives what is to be handed over; nil when there is nothing more.
func (g *gatherer) next() *gathered {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last := g.current; last != nil {
		close(last.handed)
		if last.empty() {
			g.spare = append(g.spare, last)
		}
	}
	g.current, g.waiting = g.waiting, nil
	return g.current
}

// passed is closed when all that was added so far is with the library; nil: it is already.
func (g *gatherer) passed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.waiting != nil:
		return g.waiting.handed
	case g.current != nil:
		return g.current.handed
	}
	return nil
}

func (g *gatherer) learn(topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.known[topic]; known {
		return
	}
	if g.known == nil || len(g.known) >= mostKnown {
		g.known = map[string]struct{}{}
	}
	g.known[topic] = struct{}{}
}

func (g *gatherer) unlearn(topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, topic)
}

// empty makes it ready for other messages; false when it has grown too large to be kept.
func (g *gathered) empty() bool {
	if cap(g.bodies) > 2*mostGatheredBytes || cap(g.texts.text) > mostGatheredBytes || cap(g.all) > 2*mostGathered {
		return false
	}
	clear(g.all)
	clear(g.errors)
	g.texts.text, g.texts.lengths = g.texts.text[:0], g.texts.lengths[:0]
	g.bodies, g.messages, g.options = g.bodies[:0], g.messages[:0], g.options[:0]
	g.all, g.tickets, g.errors = g.all[:0], g.tickets[:0], g.errors[:0]
	return true
}

// handOver gives the library what is gathered, until there is no more; it has a reference of the producer.
func (p *Producer) handOver() {
	defer p.release()
	for g := p.gather.next(); g != nil; g = p.gather.next() {
		p.hand(g)
	}
}

func (p *Producer) hand(g *gathered) {
	g.texts.end()
	g.bodies = append(g.bodies, 0)
	g.tickets = p.drain.admitAll(g.tickets, g.all)
	for range g.all {
		g.errors = append(g.errors, nil)
	}
	text, lengths := g.texts.first()
	C.mqpgo_send_gathered(
		p.handle, p.drain.completions, text, lengths, (*C.uint8_t)(unsafe.Pointer(&g.bodies[0])), &g.messages[0],
		&g.options[0], &g.tickets[0], C.size_t(len(g.all)), &g.errors[0])
	for i, failure := range g.errors {
		if failure != nil {
			s := g.all[i]
			p.gather.unlearn(s.topic)
			p.drain.refuse(g.tickets[i], attribute(alone(take(failure)), s.bounded))
		}
	}
}

var numbered = regexp.MustCompile(`^messages\[\d+\]: `)

// alone is an error without the number of the message, which says nothing to who sent it alone.
func alone(err error) error {
	e := err.(*Error)
	e.Message = numbered.ReplaceAllString(e.Message, "")
	return e
}
