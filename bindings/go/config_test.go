//go:build cgo

package mqproducer

import (
	"strings"
	"testing"
	"time"
)

func TestBadConfigurationIsRefusedWithTheReason(t *testing.T) {
	url := "mock://go-config"
	for name, c := range map[string]struct {
		url, group string
		option     Option
		words      []string
	}{
		"misspelt key":          {url, "g", With("send_msg_timout", 1), []string{"send_msg_timout", "send_msg_timeout"}},
		"unknown key":           {url, "g", With("zzzzzzzzzzzz", 1), []string{"zzzzzzzzzzzz"}},
		"out of range":          {url, "g", WithRetries(101), []string{"retry_times_when_send_failed", "101", "100"}},
		"zero timeout":          {url, "g", WithTimeout(0), []string{"send_msg_timeout", "3600000"}},
		"part of a millisecond": {url, "g", WithTimeout(time.Microsecond), []string{"send_msg_timeout", "1µs"}},
		"wrong type":            {url, "g", With("send_msg_timeout", 1.5), []string{"send_msg_timeout", "float64"}},
		"not a number":          {url, "g", With("max_message_size", "big"), []string{"max_message_size", "big"}},
		"no scheme":             {"localhost:9876", "g", nil, []string{"localhost:9876"}},
		"no port":               {"rocketmq://host", "g", nil, []string{"host", "port"}},
		"other scheme":          {"kafka://a:1", "g", nil, []string{"kafka"}},
		"empty url":             {"", "g", nil, []string{"url"}},
		"empty group":           {url, "", nil, []string{"producer_group"}},
		"reserved group":        {url, "DEFAULT_PRODUCER", nil, []string{"DEFAULT_PRODUCER"}},
		"group too long":        {url, strings.Repeat("g", 121), nil, []string{"producer_group", "121", "120"}},
		"illegal group":         {url, "a b", nil, []string{"producer_group"}},
	} {
		t.Run(name, func(t *testing.T) {
			var opts []Option
			if c.option != nil {
				opts = append(opts, c.option)
			}
			p, err := New(c.url, c.group, opts...)
			if p != nil {
				t.Fatal("a producer came")
			}
			expect(t, err, ErrInvalidConfig, c.words...)
		})
	}
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	_, err := New("mock://go-config", "g", With("client_ip", "\xff"))
	expect(t, err, ErrInvalidArgument, "UTF-8")
}

func TestValuesOfEveryTypeAreWritten(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{"JSON", "JSON"}, {true, "true"}, {false, "false"}, {7, "7"}, {int64(-1), "-1"}, {uint16(9), "9"},
		{2500 * time.Millisecond, "2500"}, {[]string{"a", "b"}, "a,b"}, {[]string(nil), ""},
	} {
		got, err := valueText("key", c.value)
		if err != nil || got != c.want {
			t.Errorf("%#v gives %q, %v; want %q", c.value, got, err, c.want)
		}
	}
}

func TestTheLaterOptionCounts(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL(), WithMaxMessageSize(100), WithMaxMessageSize(3))
	_, err := p.Send(background, message("T", "1234"))
	expect(t, err, ErrMessageTooLarge, "4", "3")
}

func TestEveryKeyIsListedAndItsDefaultIsLegal(t *testing.T) {
	keys := map[string]ConfigOption{}
	var opts []Option
	for _, o := range ConfigOptions() {
		if o.Key == "" || o.Type == "" || o.Doc == "" {
			t.Errorf("incomplete: %+v", o)
		}
		keys[o.Key] = o
		if o.Default != "" {
			opts = append(opts, With(o.Key, o.Default))
		}
	}
	if got := keys["send_msg_timeout"]; got.Default != "3000" || got.Type != "milliseconds" || got.Range == "" {
		t.Errorf("%+v", got)
	}
	p, err := New("mock://go-config", "g", opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
}
