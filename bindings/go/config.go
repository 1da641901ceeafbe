//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// Option sets one or more keys of a producer's configuration. When a key is set twice, the later one counts.
type Option func(*settings)

type setting struct{ key, value string }

type settings struct {
	list []setting
	err  error
}

// With sets a key of the configuration; [ConfigOptions] lists them. The value is a string, an integer, a bool, a
// time.Duration in whole milliseconds, or a []string for a list. New reports an unknown key, with the nearest one
// suggested, and an illegal value, with its range.
func With(key string, value any) Option {
	return func(s *settings) {
		text, err := valueText(key, value)
		if err != nil && s.err == nil {
			s.err = err
		}
		s.list = append(s.list, setting{key, text})
	}
}

func valueText(key string, value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case []string:
		return strings.Join(v, ","), nil
	case time.Duration:
		if v%time.Millisecond != 0 {
			return "", newError(StatusInvalidConfig, fmt.Sprintf("`%s` = %v is not a whole number of milliseconds", key, v))
		}
		return strconv.FormatInt(v.Milliseconds(), 10), nil
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), nil
	}
	what := "`%s` has a value of type %T; legal are string, integer, bool, time.Duration and []string"
	return "", newError(StatusInvalidConfig, fmt.Sprintf(what, key, value))
}

// WithTimeout sets send_msg_timeout: the total deadline of a message whose context has none, in whole milliseconds.
// Default 3 s, at most 1 h.
func WithTimeout(total time.Duration) Option { return With("send_msg_timeout", total) }

// WithRetries sets how many further tries a failed send gets after the first, in every mode but one-way: 0 to 100,
// default 2.
func WithRetries(retries int) Option {
	return func(s *settings) {
		With("retry_times_when_send_failed", retries)(s)
		With("retry_times_when_send_async_failed", retries)(s)
	}
}

// WithTopics sets topics: those whose routes are fetched by Start, so that the first send does not wait for them.
func WithTopics(topics ...string) Option { return With("topics", topics) }

// WithMaxMessageSize sets max_message_size, the largest body in bytes: 1 to 16000000, default 4194304.
func WithMaxMessageSize(bytes int) Option { return With("max_message_size", bytes) }

// ConfigOption describes one key of the configuration.
type ConfigOption struct {
	// Key is the name that [With] takes.
	Key string
	// Type of the value: text, integer, milliseconds, flag, choice, codes or list.
	Type string
	// Default is the value when the key is not set; empty when there is none.
	Default string
	// Range tells the legal values to a person, such as "0 to 100"; empty when any text of the type is legal.
	Range string
	// Doc tells what the key does.
	Doc string
}

// ConfigOptions lists every key that the library knows.
func ConfigOptions() []ConfigOption {
	all := make([]ConfigOption, 0, int(C.mqp_config_option_count()))
	for i := 0; i < cap(all); i++ {
		view := C.mqp_config_option_view{struct_size: C.sizeof_mqp_config_option_view}
		if C.mqp_config_option_get(C.size_t(i), &view, nil) == C.MQP_OK {
			all = append(all, ConfigOption{
				Key:     textOf(view.key),
				Type:    textOf(view.type_name),
				Default: textOf(view.default_value),
				Range:   textOf(view._range),
				Doc:     textOf(view.doc),
			})
		}
	}
	return all
}

// make makes the library's producer and what belongs to it.
func (p *Producer) make(list []setting) error {
	var config *C.mqp_config
	var failure *C.mqp_error
	C.mqp_config_new(&config, &failure)
	if failure != nil {
		return take(failure)
	}
	defer C.mqp_config_free(config)
	for _, set := range list {
		p := pack(set.key, set.value)
		failure = C.mqpgo_config_set(config, (*C.char)(unsafe.Pointer(&p.text[0])), p.lengths[0], p.lengths[1])
		p.free()
		if failure != nil {
			return take(failure)
		}
	}
	if err := p.room.configure(config); err != nil {
		return err
	}
	C.mqp_producer_new(config, &p.handle, &failure)
	if failure != nil {
		return take(failure)
	}
	var err error
	if p.drain, err = newDrain(p.room); err != nil {
		C.mqp_producer_free(p.handle)
	}
	return err
}

// configure takes over the bounds of the library.
func (r *room) configure(config *C.mqp_config) error {
	milliseconds := 0
	for _, wanted := range []struct {
		key    string
		number *int
	}{
		{"max_in_flight_messages", &r.maxMessages}, {"max_in_flight_bytes", &r.maxBytes}, {"send_msg_timeout", &milliseconds},
	} {
		text, err := configured(config, wanted.key)
		if err != nil {
			return err
		}
		if *wanted.number, err = strconv.Atoi(text); err != nil {
			return newError(StatusInternal, fmt.Sprintf("`%s` is no number: %v", wanted.key, err))
		}
	}
	r.timeout = time.Duration(milliseconds) * time.Millisecond
	var err error
	r.policy, err = configured(config, "backpressure")
	return err
}

// configured is the value in force of one key.
func configured(config *C.mqp_config, key string) (string, error) {
	p := pack(key)
	defer p.free()
	var value C.mqp_str
	failure := C.mqpgo_config_get(config, (*C.char)(unsafe.Pointer(&p.text[0])), p.lengths[0], &value)
	if failure != nil {
		return "", take(failure)
	}
	return textOf(value), nil
}
