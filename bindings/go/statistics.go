//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"encoding/json"
	"runtime/cgo"
	"slices"
)

// Statistics is what a producer counted since it was made, and how it did at one moment. docs/STATISTICS.md lists what is
// in it, with units. It is a copy, which may be kept.
type Statistics struct {
	// JSON is one object, for json.Unmarshal: each name is a number, or a list of objects with labels and a number.
	JSON json.RawMessage
	// Prometheus is text exposition, version 0.0.4, to be answered to a scrape.
	Prometheus string
}

func statisticsOf(statistics *C.mqp_statistics) *Statistics {
	return &Statistics{
		JSON:       json.RawMessage(textOf(C.mqp_statistics_json(statistics))),
		Prometheus: textOf(C.mqp_statistics_prometheus(statistics)),
	}
}

// Statistics tells what the producer has counted; after Close, what it had counted then. It waits for nothing. Errors:
// [ErrClosed] for one that was not made by [New].
func (p *Producer) Statistics() (*Statistics, error) {
	if !p.acquire() {
		if last := p.last.Load(); last != nil {
			return &Statistics{slices.Clone(last.JSON), last.Prometheus}, nil
		}
		return nil, closedError()
	}
	defer p.release()
	return p.counted()
}

func (p *Producer) counted() (*Statistics, error) {
	var statistics *C.mqp_statistics
	var failure *C.mqp_error
	C.mqp_producer_statistics(p.handle, &statistics, &failure)
	if failure != nil {
		return nil, take(failure)
	}
	defer C.mqp_statistics_free(statistics)
	return statisticsOf(statistics), nil
}

// SetStatisticsCallback sets who is told the statistics of a producer that is not started, every statistics_interval (a key
// for [With], in milliseconds; 0, the default: never), in place of who was set before.
//
// tell runs on the library's thread: see "Callbacks" in the package's documentation. An interval is left out while the
// call before it still waits for that thread, and no call begins after Close returned. Errors: [ErrAlreadyStarted],
// [ErrClosed], [ErrInvalidArgument].
func (p *Producer) SetStatisticsCallback(tell func(*Statistics)) error {
	if tell == nil {
		return newError(StatusInvalidArgument, "`tell` is nil")
	}
	if !p.acquire() {
		return closedError()
	}
	defer p.release()
	handle := cgo.NewHandle(tell)
	failure := C.mqpgo_set_statistics_callback(p.handle, C.uintptr_t(handle))
	if failure != nil {
		handle.Delete()
	}
	return take(failure)
}

//export mqpgoTellStatistics
func mqpgoTellStatistics(handle C.uintptr_t, statistics *C.mqp_statistics) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	defer func() {
		if panicked := recover(); panicked != nil {
			reportPanic("the statistics callback", panicked)
		}
	}()
	cgo.Handle(handle).Value().(func(*Statistics))(statisticsOf(statistics))
}
