//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"fmt"
	"time"
)

// BrokerHealth tells how a broker does.
type BrokerHealth uint32

// How a broker does.
const (
	// BrokerHealthy: takes its turn.
	BrokerHealthy BrokerHealth = C.MQP_BROKER_HEALTHY
	// BrokerIsolated: was slow or failed; passed over while there are others.
	BrokerIsolated BrokerHealth = C.MQP_BROKER_ISOLATED
	// BrokerUnreachable: did not answer, and the detector has not reached it since.
	BrokerUnreachable BrokerHealth = C.MQP_BROKER_UNREACHABLE
)

// String is the name of the health, such as HEALTHY.
func (h BrokerHealth) String() string {
	switch h {
	case BrokerHealthy:
		return "HEALTHY"
	case BrokerIsolated:
		return "ISOLATED"
	case BrokerUnreachable:
		return "UNREACHABLE"
	}
	return fmt.Sprintf("BrokerHealth(%d)", uint32(h))
}

// BrokerState is what a producer knows of one broker.
type BrokerState struct {
	// Name is the broker's name.
	Name string
	// Address is the master's address.
	Address string
	// Health is how the broker does, as the key send_latency_enable has it judged; without that it is healthy.
	Health BrokerHealth
	// Until is when an isolated broker takes its turn again; else the zero time.
	Until time.Time
	// Latency is how long the last send to it took, in whole milliseconds; negative when none was measured.
	Latency time.Duration
}

// Brokers tells what the producer knows now of the brokers in the routes that it uses, by name. Errors: [ErrClosed].
func (p *Producer) Brokers() ([]BrokerState, error) {
	if !p.acquire() {
		return nil, closedError()
	}
	defer p.release()
	var states *C.mqp_broker_states
	var failure *C.mqp_error
	C.mqp_producer_broker_states(p.handle, &states, &failure)
	if failure != nil {
		return nil, take(failure)
	}
	defer C.mqp_broker_states_free(states)
	all := make([]BrokerState, int(C.mqp_broker_states_count(states)))
	for i := range all {
		view := C.mqp_broker_state_view{struct_size: C.sizeof_mqp_broker_state_view}
		C.mqp_broker_states_get(states, C.size_t(i), &view, &failure)
		if failure != nil {
			return nil, take(failure)
		}
		b := &all[i]
		b.Health = BrokerHealth(view.state)
		b.Latency = time.Duration(view.latency_ms) * time.Millisecond
		if view.until_ms != 0 {
			b.Until = time.UnixMilli(int64(view.until_ms))
		}
		copyTexts([]*string{&b.Name, &b.Address}, []C.mqp_str{view.name, view.address})
	}
	return all, nil
}
