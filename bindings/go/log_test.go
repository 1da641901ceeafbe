//go:build cgo

package mqproducer

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func setLog(t *testing.T, most Level, function LogFunc) {
	t.Helper()
	if err := SetLog(most, function); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := SetLog(LevelOff, nil); err != nil {
			t.Error(err)
		}
	})
}

// provoke makes the library log: no name server answers.
func provoke(t *testing.T) {
	t.Helper()
	p := startedProducer(t, "rocketmq://127.0.0.1:1", WithTopics("T"))
	_, err := p.Send(background, message("T", "b"))
	expect(t, err, ErrNoNameServer)
}

func TestTheLogSpeaks(t *testing.T) {
	type record struct {
		level         Level
		target, words string
	}
	records := make(chan record, 1000)
	setLog(t, LevelWarn, func(level Level, target, words string) {
		select {
		case records <- record{level, target, words}:
		default:
		}
	})
	provoke(t)
	got := receive(t, records)
	if got.level > LevelWarn || got.level == LevelOff || !strings.HasPrefix(got.target, "mqproducer") || got.words == "" {
		t.Errorf("%+v", got)
	}
}

func TestALevelThatDoesNotExistIsRefused(t *testing.T) {
	expect(t, SetLog(6, func(Level, string, string) {}), ErrInvalidArgument, "6")
	if LevelTrace.String() != "TRACE" || Level(6).String() != "Level(6)" {
		t.Error(LevelTrace, Level(6))
	}
}

func TestSlog(t *testing.T) {
	var out bytes.Buffer
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug - 4})
	function := Slog(slog.New(handler))
	for level, want := range map[Level]string{
		LevelError: "level=ERROR", LevelWarn: "level=WARN", LevelInfo: "level=INFO", LevelDebug: "level=DEBUG ",
		LevelTrace: "level=DEBUG-4",
	} {
		out.Reset()
		function(level, "part", "what happened")
		for _, word := range []string{want, "target=part", `msg="what happened"`} {
			if !strings.Contains(out.String(), word) {
				t.Errorf("%q does not hold %q", out.String(), word)
			}
		}
	}
}

func TestALoggerGetsWhatItTakes(t *testing.T) {
	t.Cleanup(func() {
		if err := SetLogger(nil); err != nil || currentLog.Load() != nil {
			t.Errorf("%v", err)
		}
	})
	for level, want := range map[slog.Level]Level{
		slog.LevelError + 1: LevelOff, slog.LevelError: LevelError, slog.LevelWarn: LevelWarn, slog.LevelInfo: LevelInfo,
		slog.LevelDebug: LevelDebug, slog.LevelDebug - 4: LevelTrace,
	} {
		if err := SetLogger(slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: level}))); err != nil {
			t.Fatal(err)
		}
		if got := currentLog.Load().most; got != want {
			t.Errorf("%v of the logger is %v", level, got)
		}
	}
	lines := make(lineWriter, 100)
	if err := SetLogger(slog.New(slog.NewTextHandler(lines, nil))); err != nil {
		t.Fatal(err)
	}
	provoke(t)
	line := receive(t, lines)
	for _, word := range []string{"level=", "msg=", "target=mqproducer"} {
		if !strings.Contains(line, word) {
			t.Errorf("%q does not hold %q", line, word)
		}
	}
}

// lineWriter hands on what is written, as far as there is room.
type lineWriter chan string

func (w lineWriter) Write(line []byte) (int, error) {
	select {
	case w <- string(line):
	default:
	}
	return len(line), nil
}

// Runs in a process of its own, whose standard error is looked at.
func TestPanicsAreReportedOnStandardErrorAtLast(t *testing.T) {
	if os.Getenv("MQPRODUCER_TEST_PANICS") != "" {
		p := startedProducer(t, newCluster(t).URL())
		if err := p.SendAsync(background, message("T", "b"), func(*Receipt, error) { panic("no log") }); err != nil {
			t.Fatal(err)
		}
		if err := p.Flush(background); err != nil {
			t.Fatal(err)
		}
		panicked := make(chan bool, 100)
		setLog(t, LevelWarn, func(Level, string, string) {
			panicked <- true
			panic("in the log")
		})
		provoke(t)
		receive(t, panicked)
		return
	}
	command := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	command.Env = append(os.Environ(), "MQPRODUCER_TEST_PANICS=1")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, words := range []string{
		"mqproducer: a completion callback panicked: no log\n", "mqproducer: the log function panicked: in the log\n",
	} {
		if !strings.Contains(string(out), words) {
			t.Errorf("standard error does not say %q:\n%s", words, out)
		}
	}
}
