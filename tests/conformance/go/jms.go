package main

import (
	"encoding/json"
	"fmt"
	"time"

	"mqproducer"
)

// jms reads what only a JMS message has.
func jms(of map[string]any) (*mqproducer.JMS, error) {
	j := &mqproducer.JMS{
		CorrelationID: text(of, "correlation_id"), ReplyTo: text(of, "reply_to"), Type: text(of, "type"),
		GroupID: text(of, "group_id"), GroupSequence: int32(number(of, "group_sequence")),
		TimeToLive: time.Duration(number(of, "time_to_live_ms")) * time.Millisecond,
	}
	_, j.HasTimeToLive = of["time_to_live_ms"]
	switch mode := text(of, "delivery_mode"); mode {
	case "":
	case "persistent":
		j.DeliveryMode = mqproducer.DeliveryPersistent
	case "non_persistent":
		j.DeliveryMode = mqproducer.DeliveryNonPersistent
	default:
		return nil, fmt.Errorf("there is no delivery mode `%s`", mode)
	}
	var err error
	if j.Properties, err = typedValues(object(of, "properties")); err != nil {
		return nil, err
	}
	switch kind := textOr(of, "body", "bytes"); kind {
	case "bytes":
	case "text":
		j.Text = true
	case "map":
		j.Entries, err = typedValues(object(of, "entries"))
	default:
		err = fmt.Errorf("there is no body `%s`", kind)
	}
	return j, err
}

func typedValues(of map[string]any) (map[string]any, error) {
	values := map[string]any{}
	for name, one := range of {
		fields, _ := one.(map[string]any)
		for kind, value := range fields {
			made, err := typed(kind, value)
			if err != nil {
				return nil, err
			}
			values[name] = made
		}
	}
	return values, nil
}

// typed gives a value the type of Go that stands for the one of that name.
func typed(kind string, value any) (any, error) {
	var whole int64
	var part float64
	if n, ok := value.(json.Number); ok {
		whole, _ = n.Int64()
		part, _ = n.Float64()
	}
	switch kind {
	case "null", "bool", "text":
		return value, nil
	case "byte":
		return int8(whole), nil
	case "char":
		return mqproducer.JMSChar(whole), nil
	case "short":
		return int16(whole), nil
	case "int":
		return int32(whole), nil
	case "long":
		return whole, nil
	case "float":
		return float32(part), nil
	case "double":
		return part, nil
	case "bytes":
		digits, _ := value.(string)
		return bodyBytes(digits)
	}
	return nil, fmt.Errorf("there is no type `%s`", kind)
}
