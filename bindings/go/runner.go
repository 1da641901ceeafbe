//go:build cgo

package mqproducer

import (
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
)

// runner calls the functions given to SendAsync, one after the other, on a goroutine that lives while there are any.
type runner struct {
	room *room

	mu      sync.Mutex
	waiting []call
	busy    bool
}

// call is a function given to SendAsync, and what it is to be told.
type call struct {
	s   *sending
	end SendEnd
}

// roomTogether is after how many calls their room is given back: together, so that who waits for it sends many at once.
const roomTogether = 256

// runners is how many runners are at work.
var runners atomic.Int32

func (r *runner) run(calls []call) {
	if len(calls) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, calls...)
	if !r.busy {
		r.busy = true
		runners.Add(1)
		go r.work(nil)
	}
}

// work makes calls until there are no more; first those that it is given.
//
//go:noinline
func (r *runner) work(calls []call) {
	var left load
	done, returned := 0, false
	defer func() {
		if returned {
			return
		}
		// A call ended its goroutine by runtime.Goexit: the next one goes on.
		left.add(calls[done].s.bytes)
		r.room.leave(left)
		go r.work(calls[done+1:])
	}()
	for {
		for done = range calls {
			s := calls[done].s
			s.call(calls[done].end)
			// The rest may take long: what was called is let go.
			calls[done] = call{s: s}
			if left.add(s.bytes); left.messages == roomTogether {
				r.room.leave(left)
				left = load{}
			}
		}
		r.room.leave(left)
		left = load{}
		r.mu.Lock()
		calls, r.waiting = r.waiting, nil
		r.busy = len(calls) > 0
		r.mu.Unlock()
		if len(calls) == 0 {
			runners.Add(-1)
			returned = true
			return
		}
	}
}

// workEntry is where the code of work begins.
var workEntry = reflect.ValueOf((*runner).work).Pointer()

// onRunner tells whether the caller runs inside of a call that a runner makes: then its goroutine began with work.
func onRunner() bool {
	if runners.Load() == 0 {
		return false
	}
	var callers [64]uintptr
	count, skip := len(callers), 0
	for count == len(callers) {
		// The next part overlaps with this one, which may end in the midst of the frames that matter.
		count = runtime.Callers(skip, callers[:])
		skip += len(callers) - firstFrames
	}
	for _, caller := range callers[max(count-firstFrames, 0):count] {
		if f := runtime.FuncForPC(caller - 1); f != nil && f.Entry() == workEntry {
			return true
		}
	}
	return false
}

// firstFrames is how many of a goroutine's first frames may be the runtime's and the compiler's, and work the last.
const firstFrames = 4
