//go:build cgo

package mqproducer

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program builds one of examples/go.
func program(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	command := exec.Command("go", "build", "-o", path, "./"+name)
	command.Dir = filepath.Join("..", "..", "examples", "go")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// output runs a program that must succeed, and gives its lines.
func output(t *testing.T, path string, arguments ...string) []string {
	t.Helper()
	var text, complaint bytes.Buffer
	command := exec.Command(path, arguments...)
	command.Stdout, command.Stderr = &text, &complaint
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s", err, complaint.String())
	}
	return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
}

// refused runs a program that must fail with the exit code 1.
func refused(t *testing.T, path string, arguments ...string) string {
	t.Helper()
	out, err := exec.Command(path, arguments...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v: %v", arguments, err)
	}
	return string(out)
}

// expectLine checks a line and gives what its pattern's first group holds.
func expectLine(t *testing.T, line, pattern string) string {
	t.Helper()
	match := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("%q is not %q", line, pattern)
	}
	return match[1]
}

const idPattern = `id=([0-9A-F]{32})`

func TestTheProgramThatSendsABatch(t *testing.T) {
	path := program(t, "batch")
	cluster := newCluster(t)
	lines := output(t, path, cluster.URL(), "T")
	stored := awaitMessages(t, cluster, "T", 5)
	if len(lines) != 5 {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		if id := expectLine(t, line, `go batch `+idPattern+` queue=broker-[ab]/\d offset=\d`); id != stored[i].MessageID {
			t.Errorf("%s is not %s", id, stored[i].MessageID)
		}
	}
	if lines := output(t, path, "mock://"); len(lines) != 5 {
		t.Errorf("%q", lines)
	}
	if said := refused(t, path, cluster.URL(), "no topic"); !strings.Contains(said, "no topic") {
		t.Errorf("%q", said)
	}
	refused(t, path)
}

func TestTheProgramOfTransactions(t *testing.T) {
	path := program(t, "transaction")
	cluster := longChecks(t)
	for what, last := range map[string]string{"commit": "go committed", "rollback": "go rolled back"} {
		if err := cluster.ClearRequests(); err != nil {
			t.Fatal(err)
		}
		lines := output(t, path, cluster.URL(), what, "g", what)
		if len(lines) != 2 || lines[1] != last {
			t.Fatalf("%q", lines)
		}
		id := expectLine(t, lines[0], "go half "+idPattern)
		if words := ended(t, cluster, 1); words[0] != strings.ToUpper(what) {
			t.Errorf("%q", words)
		}
		if what == "commit" {
			if stored := awaitMessages(t, cluster, "commit", 1); stored[0].MessageID != id {
				t.Errorf("%s is not %+v", id, stored)
			}
		} else if n, err := cluster.MessageCount(what); n != 0 || err != nil {
			t.Errorf("%d messages, %v", n, err)
		}
	}
	refused(t, path, cluster.URL(), "T", "g", "nonsense")
	refused(t, path, cluster.URL(), "T", "g")
}

// The one that sent dies; another of its group is asked, and commits.
func TestTheProgramThatAnswersForADeadOne(t *testing.T) {
	path := program(t, "transaction")
	cluster := newCluster(t)
	if err := cluster.SetTransactionCheckInterval(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	died := exec.Command(path, cluster.URL(), "T", "g", "die")
	out, err := died.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v", err)
	}
	id := expectLine(t, strings.TrimSuffix(string(out), "\n"), "go half "+idPattern)
	if n, err := cluster.MessageCount(""); n != 0 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
	lines := output(t, path, cluster.URL(), "T", "g", "check")
	if len(lines) != 1 || expectLine(t, lines[0], "go checked "+idPattern) != id {
		t.Errorf("%q of %s", lines, id)
	}
	if stored := awaitMessages(t, cluster, "T", 1); stored[0].MessageID != id || string(stored[0].Body) != "half from Go" {
		t.Errorf("%+v", stored)
	}
}

func TestTheProgramOfRequests(t *testing.T) {
	path := program(t, "request")
	if lines := output(t, path, "mock://", "T", "what é"); len(lines) != 1 || lines[0] != "go reply: what é" {
		t.Errorf("%q", lines)
	}
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithTimeout(patience))
	replies := make(chan outcome[*ReceivedMessage], 1)
	err := p.RequestAsync(background, message("Ask", "question"), func(m *ReceivedMessage, err error) {
		replies <- outcome[*ReceivedMessage]{m, err}
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := awaitMessages(t, cluster, "Ask", 1)[0].Properties
	lines := output(
		t, path, "--reply", cluster.URL(), asked["CLUSTER"], asked["CORRELATION_ID"], asked["REPLY_TO_CLIENT"], asked["TTL"],
		"the answer")
	o := receive(t, replies)
	if o.err != nil {
		t.Fatal(o.err)
	}
	if string(o.value.Body) != "the answer" || len(lines) != 1 ||
		expectLine(t, lines[0], "go replied "+idPattern) != o.value.MessageID {
		t.Errorf("%q of %+v", lines, o.value)
	}
	refused(t, path, "--reply", cluster.URL(), "c", "i", "r", "soon", "b")
	refused(t, path)
}
