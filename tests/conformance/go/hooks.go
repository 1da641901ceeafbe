package main

import (
	"errors"
	"sync"
	"time"

	"mqproducer"
)

// notes are what was noted so far, for those who wait for more of it.
type notes struct {
	mu      sync.Mutex
	all     []any
	changed chan struct{}
}

// add tells how many there are now.
func (n *notes) add(note outcome) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, note)
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
	return len(n.all)
}

// wait gives all of them, once there are so many.
func (n *notes) wait(count int) ([]any, bool) {
	late := time.After(limit)
	for {
		n.mu.Lock()
		if len(n.all) >= count {
			defer n.mu.Unlock()
			return append([]any{}, n.all...), true
		}
		if n.changed == nil {
			n.changed = make(chan struct{})
		}
		changed := n.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-late:
			return nil, false
		}
	}
}

var (
	modes = map[mqproducer.SendMode]string{
		mqproducer.ModeSync: "sync", mqproducer.ModeAsync: "async", mqproducer.ModeOneway: "oneway",
	}
	types = map[mqproducer.MessageType]string{
		mqproducer.TypeNormal: "normal", mqproducer.TypeHalf: "half", mqproducer.TypeDelay: "delay",
	}
	states = map[mqproducer.TransactionState]string{
		mqproducer.TransactionCommit: "commit", mqproducer.TransactionRollback: "rollback",
		mqproducer.TransactionUnknown: "unknown",
	}
)

// recorder is a hook that notes its calls; forbid is why it forbids every message, or nil.
func recorder(name string, forbid any, calls *notes) mqproducer.Hook {
	told := func(call string, c mqproducer.HookContext) outcome {
		return outcome{
			"hook": name, "call": call, "mode": modes[c.Mode], "message_type": types[c.MessageType], "topic": c.Topic,
			"broker": c.BrokerName, "queue_id": c.QueueID, "body_length": c.BodyLength, "message_count": c.MessageCount,
			"group": c.ProducerGroup, "namespace": c.Namespace, "message_id": c.MessageID,
		}
	}
	return mqproducer.Hook{
		CheckForbidden: func(c mqproducer.HookContext) error {
			calls.add(told("check_forbidden", c))
			if reason, ok := forbid.(string); ok {
				return errors.New(reason)
			}
			return nil
		},
		BeforeSend: func(c mqproducer.HookContext) { calls.add(told("before_send", c)) },
		AfterSend: func(c mqproducer.HookContext, _ *mqproducer.Receipt, err error) {
			call := told("after_send", c)
			call["status"], call["attempts"] = ended(err)["status"], c.Attempts
			calls.add(call)
		},
		EndTransaction: func(c mqproducer.EndTransactionContext) {
			calls.add(outcome{
				"hook": name, "call": "end_transaction", "topic": c.Topic, "broker": c.BrokerName, "state": states[c.State],
				"from_check": c.FromCheck,
			})
		},
	}
}
