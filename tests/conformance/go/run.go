package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"mqproducer"
)

const (
	// limit is how long a condition is waited for, and completionLimit a completion.
	limit           = 10 * time.Second
	completionLimit = 30 * time.Second
)

// run is one case: its cluster and producer, and what its steps left.
type run struct {
	of           map[string]any
	where        place
	cluster      *mqproducer.MockCluster
	replacer     *strings.Replacer
	url, group   string
	temporary    string
	options      []mqproducer.Option
	producer     *mqproducer.Producer
	transactions map[string]*mqproducer.Transaction
	saved        map[string]any
	waiting      map[string][]<-chan outcome
	calls, asked notes
}

// runCase tells what differs from a case.
func runCase(of map[string]any, where place) []string {
	r := &run{
		of: of, where: where, transactions: map[string]*mqproducer.Transaction{}, saved: map[string]any{},
		waiting: map[string][]<-chan outcome{},
	}
	defer r.end()
	if err := r.prepare(); err != nil {
		return []string{err.Error()}
	}
	for i, step := range list(of, "steps") {
		if differences := r.step(i, step.(map[string]any)); len(differences) > 0 {
			return differences
		}
	}
	return nil
}

func (r *run) end() {
	for _, transaction := range r.transactions {
		transaction.Close()
	}
	if r.producer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		// How a producer of any state closes is for the steps to say.
		_ = r.producer.Close(ctx)
	}
	if r.cluster != nil {
		r.cluster.Close()
	}
	_ = os.RemoveAll(r.temporary)
}

func (r *run) prepare() (err error) {
	url := r.where.url
	if url == "" {
		if err := r.openCluster(); err != nil {
			return err
		}
		url = r.cluster.URL()
	}
	if r.temporary, err = os.MkdirTemp("", "mqp-conformance-"); err != nil {
		return err
	}
	r.replacer = strings.NewReplacer(
		"{url}", url, "{address}", strings.TrimPrefix(url, "rocketmq://"), "{id}", r.where.id,
		"{temporary}", r.temporary)
	config := object(r.of, "config")
	r.url, r.group = url, "conformance"
	for key, value := range config {
		resolved, err := resolve(value, 0, r)
		if err != nil {
			return err
		}
		// null: the key is not set.
		text, _ := resolved.(string)
		switch key {
		case "url":
			r.url = text
		case "producer_group":
			r.group = text
		default:
			if err := r.accepts(key, text); err != nil {
				return err
			}
			r.options = append(r.options, mqproducer.With(key, text))
		}
	}
	if r.of["start"] == false {
		return nil
	}
	if err := r.create(); err != nil {
		return err
	}
	return r.producer.Start()
}

func (r *run) openCluster() (err error) {
	of := object(r.of, "cluster")
	r.cluster, err = mqproducer.NewMockCluster(textOr(of, "name", ""), int(numberOr(of, "brokers", 1)), int(numberOr(of, "queues", 4)))
	if err != nil {
		return err
	}
	for _, topic := range list(of, "echo") {
		if err := r.cluster.Echo(topic.(string)); err != nil {
			return err
		}
	}
	interval := numberOr(of, "check_interval_ms", 3_600_000)
	return r.cluster.SetTransactionCheckInterval(time.Duration(interval) * time.Millisecond)
}

// accepts tells whether a key takes a value. New takes all keys at once, in their order: an error of a key that is none,
// set behind it, shows that it came so far.
func (r *run) accepts(key, value string) error {
	const behind = "no_key_of_conformance"
	producer, err := mqproducer.New("mock://", "conformance", mqproducer.With(key, value), mqproducer.With(behind, ""))
	if err == nil {
		_ = producer.Close(context.Background())
		return fmt.Errorf("%s was not refused", behind)
	}
	if strings.Contains(err.Error(), behind) {
		return nil
	}
	return err
}

func (r *run) create() (err error) {
	if r.producer, err = mqproducer.New(r.url, r.group, r.options...); err != nil {
		return err
	}
	for _, hook := range list(r.of, "hooks") {
		hook := hook.(map[string]any)
		if err := r.producer.AddHook(recorder(text(hook, "name"), hook["forbid"], &r.calls)); err != nil {
			return err
		}
	}
	if answers := list(r.of, "checker"); len(answers) > 0 {
		err := r.producer.SetTransactionChecker(func(m *mqproducer.ReceivedMessage) mqproducer.TransactionState {
			answer := answers[min(r.asked.add(ofReceived(m, nil)), len(answers))-1]
			for state, name := range states {
				if name == answer {
					return state
				}
			}
			return mqproducer.TransactionUnknown
		})
		if err != nil {
			return err
		}
	}
	if told, ok := r.of["trace_context"].(string); ok {
		return r.producer.SetTraceContext(func(context.Context) string { return told })
	}
	return nil
}

// step does one step, as often as it says, and tells what differs from what it expects.
func (r *run) step(index int, step map[string]any) []string {
	at := fmt.Sprintf("steps[%d] %s", index, text(step, "do"))
	outcomes, err := r.outcomes(step)
	if err != nil {
		return []string{at + ": " + err.Error()}
	}
	for i := range outcomes {
		outcomes[i] = plain(outcomes[i])
	}
	if name := text(step, "save"); name != "" && len(outcomes) > 0 {
		r.saved[name] = outcomes[len(outcomes)-1]
	}
	var differences []string
	for time, came := range outcomes {
		expect := map[string]any{"status": "OK"}
		for name, pattern := range object(step, "expect") {
			expect[name] = pattern
		}
		pattern, err := resolve(expect, time, r)
		if err != nil {
			return []string{at + ": " + err.Error()}
		}
		path := at
		if len(outcomes) > 1 {
			path = fmt.Sprintf("%s, time %d", at, time)
		}
		differences = append(differences, compare(pattern, came, path)...)
	}
	return differences
}

// outcomes does a step; there is one outcome for each time.
func (r *run) outcomes(step map[string]any) (outcomes []any, err error) {
	if text(step, "do") == "await" {
		waiting, ok := r.waiting[text(step, "of")]
		if !ok {
			return nil, fmt.Errorf("nothing is called `%s`", text(step, "of"))
		}
		delete(r.waiting, text(step, "of"))
		return await(waiting)
	}
	var waiting []<-chan outcome
	for time := 0; time < int(numberOr(step, "times", 1)); time++ {
		// What is expected is looked at when the outcome is there.
		fields := map[string]any{}
		for name, value := range step {
			if name != "expect" {
				fields[name] = value
			}
		}
		resolved, err := resolve(fields, time, r)
		if err != nil {
			return nil, err
		}
		came, later, err := r.begin(resolved.(map[string]any))
		if err != nil {
			return nil, err
		}
		if later != nil {
			waiting = append(waiting, later)
		} else {
			outcomes = append(outcomes, came)
		}
	}
	if name := text(step, "as"); name != "" {
		for range waiting {
			outcomes = append(outcomes, ok())
		}
		r.waiting[name] = waiting
		return outcomes, nil
	}
	ends, err := await(waiting)
	return append(outcomes, ends...), err
}

func await(waiting []<-chan outcome) (outcomes []any, err error) {
	late := time.After(completionLimit)
	for _, later := range waiting {
		select {
		case came := <-later:
			outcomes = append(outcomes, came)
		case <-late:
			return nil, fmt.Errorf("no completion after %v", completionLimit)
		}
	}
	return outcomes, nil
}

func (r *run) placeholders() *strings.Replacer { return r.replacer }

func (r *run) savedField(name, field string) (any, bool) {
	saved, _ := r.saved[name].(map[string]any)
	value, there := saved[field]
	return value, there
}

func (r *run) storedProperty(topic string, index int, property string) (string, bool) {
	messages, err := r.storedMessages(topic)
	if err != nil || index >= len(messages) {
		return "", false
	}
	value, there := messages[index].Properties[property]
	return value, there
}

// storedMessages are those of the embedded cluster, by broker, queue and offset.
func (r *run) storedMessages(topic string) ([]mqproducer.MockMessage, error) {
	if r.cluster == nil {
		return nil, fmt.Errorf("a step of the embedded cluster, on a real one")
	}
	messages, err := r.cluster.Messages(topic)
	slices.SortStableFunc(messages, func(a, b mqproducer.MockMessage) int {
		if order := strings.Compare(a.BrokerName, b.BrokerName); order != 0 {
			return order
		}
		if a.QueueID != b.QueueID {
			return int(a.QueueID - b.QueueID)
		}
		return int(a.QueueOffset - b.QueueOffset)
	})
	return messages, err
}

var fromParent = bufio.NewReader(os.Stdin)

// askParent tells what the real broker stored, which only the parent process can read.
func askParent(topic string, count int64) (messages []any, err error) {
	write(map[string]any{"read": topic, "count": count})
	answer, err := fromParent.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("the parent process does not answer: %w", err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(answer)))
	decoder.UseNumber()
	return messages, decoder.Decode(&messages)
}
