package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// What stands in the fields of a case; each has a default for those that are not there.

func text(of map[string]any, field string) string { return textOr(of, field, "") }

func textOr(of map[string]any, field, otherwise string) string {
	if value, ok := of[field].(string); ok {
		return value
	}
	return otherwise
}

func number(of map[string]any, field string) int64 { return numberOr(of, field, 0) }

func numberOr(of map[string]any, field string, otherwise int64) int64 {
	if value, ok := of[field].(json.Number); ok {
		if n, err := value.Int64(); err == nil {
			return n
		}
	}
	return otherwise
}

func list(of map[string]any, field string) []any {
	value, _ := of[field].([]any)
	return value
}

func object(of map[string]any, field string) map[string]any {
	value, _ := of[field].(map[string]any)
	return value
}

// plain is a value as if it had been read from a file.
func plain(value any) any {
	out, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	decoder.UseNumber()
	var read any
	if err := decoder.Decode(&read); err != nil {
		panic(err)
	}
	return read
}

// source is where made-up values come from.
type source interface {
	placeholders() *strings.Replacer
	savedField(name, field string) (any, bool)
	storedProperty(topic string, index int, property string) (string, bool)
}

// resolve fills in placeholders and made-up values; time is the number of the repetition.
func resolve(value any, time int, from source) (any, error) {
	switch value := value.(type) {
	case string:
		return from.placeholders().Replace(strings.ReplaceAll(value, "{n}", strconv.Itoa(time))), nil
	case []any:
		made := make([]any, len(value))
		for i, element := range value {
			var err error
			if made[i], err = resolve(element, time, from); err != nil {
				return nil, err
			}
		}
		return made, nil
	case map[string]any:
		made := make(map[string]any, len(value))
		for name, field := range value {
			deeper, err := resolve(field, time, from)
			if err != nil {
				return nil, err
			}
			made[name] = deeper
		}
		if name, argument, is := operator(made); is && (name == "$repeat" || name == "$saved" || name == "$stored") {
			if value, ok := madeUp(name, argument, from); ok {
				return value, nil
			}
			return nil, fmt.Errorf("there is no %s %s", name, short(argument))
		}
		return made, nil
	}
	return value, nil
}

// operator is the only field of an object, when it is $something.
func operator(value any) (name string, argument any, is bool) {
	fields, _ := value.(map[string]any)
	if len(fields) != 1 {
		return "", nil, false
	}
	for name, argument = range fields {
		is = strings.HasPrefix(name, "$")
	}
	return name, argument, is
}

func madeUp(name string, argument any, from source) (any, bool) {
	if path, ok := argument.(string); ok && name == "$saved" {
		of, field, _ := strings.Cut(path, ".")
		return from.savedField(of, field)
	}
	parts, _ := argument.([]any)
	if len(parts) < 2 {
		return nil, false
	}
	first, isText := parts[0].(string)
	count, isNumber := parts[1].(json.Number)
	n, err := count.Int64()
	if !isText || !isNumber || err != nil || n < 0 {
		return nil, false
	}
	if name == "$repeat" {
		return strings.Repeat(first, int(n)), true
	}
	if property, ok := parts[len(parts)-1].(string); ok && len(parts) == 3 {
		return from.storedProperty(first, int(n), property)
	}
	return nil, false
}

// A body as cases write it, and its bytes.

func bodyText(body []byte) string {
	for _, b := range body {
		if b < 0x20 || b > 0x7e {
			return "hex:" + hex.EncodeToString(body)
		}
	}
	return string(body)
}

func bodyBytes(text string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(text, "hex:"); ok {
		return hex.DecodeString(digits)
	}
	return []byte(text), nil
}
