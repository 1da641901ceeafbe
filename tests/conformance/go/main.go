// The conformance cases in Go, by the public package only; tests/conformance/README.md says what they are.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// exceptions are what this language does not have, and why.
var exceptions = map[string]string{
	"config_get":  "Go has no configuration object: New takes all keys, and ConfigOptions tells their defaults",
	"send_queued": "Go's own poller serves the completion queue: SendAsync, SendChannel and SendMany are its forms",
	"send_many":   "SendMany goes on behind a message that is refused, and gives each its own end",
	"timeout_ms":  "a deadline is a context's: the library gets what is left of it, and an hour at most",
	"long_delay":  "a time.Duration holds 292 years",
	"silent_send": "Send hands its message over by the completion queue, where each message asks for an answer",
}

// place is where the cases run.
type place struct {
	// url is a real name server's; empty: the embedded cluster.
	url string
	// id tells this runner's topics from others'.
	id string
}

type file struct {
	Group string           `json:"group"`
	Cases []map[string]any `json:"cases"`
}

type line struct {
	Group  string   `json:"group"`
	Case   string   `json:"case"`
	Result string   `json:"result"`
	Why    []string `json:"why"`
}

func main() {
	where := place{id: "embedded"}
	files := os.Args[1:]
	if len(files) >= 4 && files[0] == "--url" && files[2] == "--id" {
		where = place{files[1], files[3]}
		files = files[4:]
	}
	good := true
	for _, name := range files {
		content, err := read(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		for _, c := range content.Cases {
			if !where.has(c) {
				continue
			}
			report := line{content.Group, text(c, "name"), "ok", []string{}}
			if why := exception(c); why != "" {
				report.Result, report.Why = "not_run", []string{why}
			} else if why := runCase(c, where); len(why) > 0 {
				report.Result, report.Why = "failed", why
				good = false
			}
			write(report)
		}
	}
	if !good {
		os.Exit(1)
	}
}

func read(name string) (content file, err error) {
	all, err := os.ReadFile(name)
	if err != nil {
		return content, err
	}
	decoder := json.NewDecoder(bytes.NewReader(all))
	// A number that a float64 cannot hold stays what it is.
	decoder.UseNumber()
	if err := decoder.Decode(&content); err != nil {
		return content, fmt.Errorf("%s: %w", name, err)
	}
	return content, nil
}

func write(value any) {
	out, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(out, '\n'))
}

// has tells whether a case is for this place.
func (p place) has(c map[string]any) bool {
	needs := text(c, "needs")
	return needs == "both" || (needs == "broker") == (p.url != "")
}

func exception(c map[string]any) string {
	for _, feature := range list(c, "requires") {
		if why, ok := exceptions[feature.(string)]; ok {
			return why
		}
	}
	return ""
}
