//go:build cgo

package mqproducer

import (
	"context"
	"errors"
	"sync/atomic"
)

// SendMany sends messages, each as [Producer.Send] does, with few calls into the library, and waits for the end of all. Unlike a batch they need nothing in common, and each goes by itself. There is one end for each message, in their
// order; the error is that of the first one that failed. A topic whose route is not found is asked for once. The deadline of ctx is that of all messages together; without
// one each has the configured send_msg_timeout from when there is room for it.
//
// When ctx is done SendMany returns at once, as [Producer.Send] does; messages without an end get one then, which says by
// MaybePersisted whether the message may be stored all the same. Errors: those of [Producer.Send].
func (p *Producer) SendMany(ctx context.Context, messages []*Message, opts ...SendOption) ([]SendEnd, error) {
	if inCallback() {
		return nil, wouldDeadlock("SendMany")
	}
	g := &group{ends: make([]SendEnd, len(messages)), all: make(chan struct{})}
	g.left.Store(int64(len(messages)) + 1)
	sent := make([]sending, len(messages))
	// A route that was not found is not waited for again and again.
	lost := map[string]error{}
	for i, m := range messages {
		s := &sent[i]
		s.producer, s.awaited, s.group, s.index = p, true, g, i
		var err error
		if m != nil {
			err = lost[m.Topic]
		}
		if err == nil {
			err = p.begin(ctx, m, opts, s)
		}
		if err != nil {
			// Nobody else ends what was not taken.
			s.state.Store(stateCompleted)
			g.ended(i, SendEnd{Err: err})
			if errors.Is(err, ErrNoRoute) || errors.Is(err, ErrNoNameServer) || errors.Is(err, ErrTimeout) {
				lost[m.Topic] = err
			}
		}
	}
	g.last()
	select {
	case <-g.all:
	case <-ctx.Done():
		for i := range sent {
			if gaveUp, handed := sent[i].giveUp(); gaveUp {
				g.ended(i, SendEnd{Err: interrupted(ctx, "send", handed)})
			}
		}
		<-g.all
	}
	for i := range g.ends {
		if err := g.ends[i].Err; err != nil {
			return g.ends, err
		}
	}
	return g.ends, nil
}

// group is messages whose ends are awaited together.
type group struct {
	ends []SendEnd
	// left is how many have not ended, and 1 while they are sent.
	left atomic.Int64
	// all is closed when they have.
	all chan struct{}
}

func (g *group) ended(index int, end SendEnd) {
	g.ends[index] = end
	g.last()
}

func (g *group) last() {
	if g.left.Add(-1) == 0 {
		close(g.all)
	}
}
