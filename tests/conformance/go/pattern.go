package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// compare tells each difference between a pattern and a value.
func compare(pattern, value any, path string) (differences []string) {
	if name, argument, is := operator(pattern); is {
		return operate(name, argument, value, path)
	}
	wrong := func(what string, arguments ...any) {
		differences = append(differences, path+": "+fmt.Sprintf(what, arguments...))
	}
	switch pattern := pattern.(type) {
	case map[string]any:
		fields, ok := value.(map[string]any)
		if !ok {
			wrong("is %s, no object", short(value))
		}
		for name, wanted := range pattern {
			field, there := fields[name]
			if of, _, _ := operator(wanted); of == "$absent" {
				if there {
					differences = append(differences, fmt.Sprintf("%s.%s: is %s, and should not be", path, name, short(field)))
				}
			} else if !there {
				differences = append(differences, fmt.Sprintf("%s.%s: there is none in %s", path, name, short(value)))
			} else {
				differences = append(differences, compare(wanted, field, path+"."+name)...)
			}
		}
		slices.Sort(differences)
	case []any:
		elements, ok := value.([]any)
		if !ok || len(elements) != len(pattern) {
			wrong("is %s, not a list of %d", short(value), len(pattern))
			return differences
		}
		for i := range pattern {
			differences = append(differences, compare(pattern[i], elements[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
	default:
		if pattern != value {
			wrong("is %s, not %s", short(value), short(pattern))
		}
	}
	return differences
}

// operate is compare for a pattern that is $something.
func operate(name string, argument, value any, path string) (differences []string) {
	wrong := func(what string, arguments ...any) {
		differences = append(differences, path+": "+fmt.Sprintf(what, arguments...))
	}
	content, isText := value.(string)
	elements, isList := value.([]any)
	switch present, isFlag := argument.(bool); {
	case name == "$contains" && isText:
		parts, several := argument.([]any)
		if !several {
			parts = []any{argument}
		}
		for _, part := range parts {
			if part, ok := part.(string); !ok || !strings.Contains(content, part) {
				wrong("%s does not hold %v", short(value), part)
			}
		}
	case name == "$present" && isText && isFlag:
		if present == (content == "") {
			wrong("is %s", short(value))
		}
	case name == "$not":
		if len(compare(argument, value, path)) == 0 {
			wrong("is %s, and should not be", short(value))
		}
	case name == "$unordered" && isList:
		patterns, _ := argument.([]any)
		if len(patterns) != len(elements) {
			wrong("is %s, not a list of %d", short(value), len(patterns))
			return differences
		}
		left := slices.Clone(elements)
		for _, pattern := range patterns {
			at := slices.IndexFunc(left, func(e any) bool { return len(compare(pattern, e, path)) == 0 })
			if at < 0 {
				wrong("no element of %s is %s", short(left), short(pattern))
				continue
			}
			left = slices.Delete(left, at, at+1)
		}
	case name == "$each" && isList:
		if len(elements) == 0 {
			wrong("is empty")
		}
		for i, element := range elements {
			differences = append(differences, compare(argument, element, fmt.Sprintf("%s[%d]", path, i))...)
		}
	default:
		wrong("%s %s is not for %s", name, short(argument), short(value))
	}
	return differences
}

// short is a value as JSON, but not all of a long one.
func short(value any) string {
	out, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	if len(out) > 400 {
		return fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(string(out[:400]), ""), len(out))
	}
	return string(out)
}
