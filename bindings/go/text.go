//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"sync"
	"unsafe"
)

func bytesOf(text C.mqp_str) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(text.ptr)), int(text.len))
}

func textOf(text C.mqp_str) string { return string(bytesOf(text)) }

// copyTexts copies borrowed texts with one allocation for all of them.
func copyTexts(to []*string, from []C.mqp_str) {
	total := 0
	for _, text := range from {
		total += int(text.len)
	}
	if total == 0 {
		return
	}
	all := make([]byte, 0, total)
	for _, text := range from {
		all = append(all, bytesOf(text)...)
	}
	rest := unsafe.String(&all[0], total)
	for i, text := range from {
		*to[i], rest = rest[:int(text.len)], rest[int(text.len):]
	}
}

// packed is the texts of one call, one behind the other, in memory that holds no pointers.
type packed struct {
	text    []byte
	lengths []C.size_t
}

// Above these a packed is not kept for the next call.
const (
	keepText    = 1 << 16
	keepLengths = 1 << 10
)

var packs = sync.Pool{New: func() any { return new(packed) }}

func (p *packed) add(text string) {
	p.text = append(p.text, text...)
	p.lengths = append(p.lengths, C.size_t(len(text)))
}

// pack copies the texts.
func pack(texts ...string) *packed {
	p := packs.Get().(*packed)
	for _, text := range texts {
		p.add(text)
	}
	p.end()
	return p
}

// end adds the byte behind the last text that gives an empty one an address.
func (p *packed) end() { p.text = append(p.text, 0) }

func (p *packed) addSelection(selected *selection) {
	p.add(selected.shardingKey)
	p.add(selected.brokerName)
	p.add(selected.machineRooms)
}

func (p *packed) addMessage(m *Message) {
	p.add(m.Topic)
	p.add(m.Tags)
	p.add(m.Keys)
	p.add(m.LiteTopic)
	p.add(m.ShardingKey)
	p.add(m.TraceParent)
	for name, value := range m.Properties {
		p.add(name)
		p.add(value)
	}
	if m.JMS != nil {
		p.addJMS(m.JMS)
	}
}

// first is the address of the texts, and that of their lengths.
func (p *packed) first() (*C.char, *C.size_t) {
	return (*C.char)(unsafe.Pointer(&p.text[0])), &p.lengths[0]
}

func (p *packed) free() {
	if p.empty() {
		packs.Put(p)
	}
}

// empty makes it ready for another call; false when it has grown too large to be kept.
func (p *packed) empty() bool {
	p.text, p.lengths = p.text[:0], p.lengths[:0]
	return cap(p.text) <= keepText && cap(p.lengths) <= keepLengths
}
