//go:build cgo

package mqproducer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience bounds each wait of the tests: long enough for a slow machine, never waited in full when all is well.
const patience = 60 * time.Second

var background = context.Background()

func newCluster(t testing.TB) *MockCluster {
	t.Helper()
	c, err := NewMockCluster("", 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newProducerOf(t testing.TB, url string, opts ...Option) *Producer {
	t.Helper()
	// Slow machines have time for a try, where the test does not say otherwise.
	p, err := New(url, "go-tests", append([]Option{WithTimeout(patience)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(background, 100*time.Millisecond)
		defer cancel()
		if err := p.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

func startedProducer(t testing.TB, url string, opts ...Option) *Producer {
	t.Helper()
	p := newProducerOf(t, url, opts...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func message(topic, body string) *Message { return &Message{Topic: topic, Body: []byte(body)} }

// expect checks the status of an error and that its text holds each of the words.
func expect(t testing.TB, err, sentinel error, words ...string) *Error {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("got %v, want %v", err, sentinel)
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *Error", err)
	}
	for _, word := range words {
		if !strings.Contains(e.Message, word) {
			t.Errorf("%q does not say %q", e.Message, word)
		}
	}
	return e
}

// receive waits for one value.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// hasMessages tells whether messages are in flight: a flush whose deadline has passed only looks.
func hasMessages(p *Producer) bool {
	past, stop := context.WithTimeout(background, 0)
	defer stop()
	return errors.Is(p.Flush(past), ErrTimeout)
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// fakeServer is a name server whose brokers are all itself, and which answers no message.
type fakeServer struct {
	url     string
	address string
	// routes is received from before each route is answered: nil never gives one, a closed channel at once.
	routes <-chan struct{}
	// brokers are their names, each with one queue.
	brokers []string
	// frames receives what brokers are sent besides heartbeats, as far as there is room.
	frames chan []byte
}

// The requests that it tells apart.
const (
	codeHeartbeat = 34
	codeRoute     = 105
)

func startFakeServer(t testing.TB, routes <-chan struct{}, brokers ...string) *fakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	address := listener.Addr().String()
	if len(brokers) == 0 {
		brokers = []string{"silent"}
	}
	f := &fakeServer{
		url: "rocketmq://" + address, address: address, routes: routes, brokers: brokers, frames: make(chan []byte, 10),
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				for f.serveFrame(connection) == nil {
				}
			}()
		}
	}()
	return f
}

func (f *fakeServer) serveFrame(connection net.Conn) error {
	var length uint32
	if err := binary.Read(connection, binary.BigEndian, &length); err != nil {
		return err
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(connection, frame); err != nil {
		return err
	}
	var header struct{ Code, Opaque int }
	headerLength := binary.BigEndian.Uint32(frame) & 0xffffff
	if err := json.Unmarshal(frame[4:4+headerLength], &header); err != nil {
		return err
	}
	switch header.Code {
	case codeHeartbeat:
		return nil
	case codeRoute:
		<-f.routes
		return f.answerRoute(connection, header.Opaque)
	}
	select {
	case f.frames <- frame:
	default:
	}
	return nil
}

func (f *fakeServer) answerRoute(connection net.Conn, opaque int) error {
	header := fmt.Sprintf(`{"code":0,"flag":1,"language":"GO","opaque":%d,"version":0}`, opaque)
	var brokers, queues []string
	for _, name := range f.brokers {
		brokers = append(brokers, fmt.Sprintf(
			`{"brokerAddrs":{"0":"%s"},"brokerName":"%s","cluster":"c"}`, f.address, name))
		queues = append(queues, fmt.Sprintf(
			`{"brokerName":"%s","perm":6,"readQueueNums":1,"writeQueueNums":1,"topicSysFlag":0}`, name))
	}
	body := fmt.Sprintf(`{"brokerDatas":[%s],"queueDatas":[%s]}`, strings.Join(brokers, ","), strings.Join(queues, ","))
	out := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(header)))
	_, err := connection.Write(append(append(out, header...), body...))
	return err
}

// openRoutes lets each route be answered at once.
func openRoutes() <-chan struct{} {
	open := make(chan struct{})
	close(open)
	return open
}

// sendInEachMode sends the same message in each mode.
func sendInEachMode(t *testing.T, p *Producer, m *Message, check func(*testing.T, *Receipt, error), opts ...SendOption) {
	t.Helper()
	t.Run("sync", func(t *testing.T) {
		r, err := p.Send(background, m, opts...)
		check(t, r, err)
	})
	t.Run("oneway", func(t *testing.T) {
		r, err := p.SendOneway(background, m, opts...)
		check(t, r, err)
	})
	t.Run("async", func(t *testing.T) {
		ends := make(chan outcome[*Receipt], 1)
		err := p.SendAsync(background, m, func(r *Receipt, err error) { ends <- outcome[*Receipt]{r, err} }, opts...)
		if err != nil {
			check(t, nil, err)
			return
		}
		o := receive(t, ends)
		check(t, o.value, o.err)
	})
}

// inCompany has the next message sent as if there were others beside it.
func inCompany(p *Producer) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.room.company = 1
}

// silentBroker takes messages and never answers them.
func silentBroker(t testing.TB) string {
	t.Helper()
	return startFakeServer(t, openRoutes()).url
}

// silentNameServer never answers.
func silentNameServer(t testing.TB) string {
	t.Helper()
	return startFakeServer(t, nil).url
}

// watched tells when the collector takes it.
type watched struct{ text string }

func watch(text string, released chan<- string) *watched {
	w := &watched{text}
	runtime.SetFinalizer(w, func(w *watched) { released <- w.text })
	return w
}

func awaitRelease(t testing.TB, released <-chan string, want string) {
	t.Helper()
	eventually(t, want+" is let go", func() bool {
		runtime.GC()
		select {
		case got := <-released:
			if got != want {
				t.Fatalf("%s was let go in place of %s", got, want)
			}
			return true
		default:
			return false
		}
	})
}

func formatMillis(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }
