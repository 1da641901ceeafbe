// Sends as fast as it can in one mode and prints what a message cost: see ../README.md.
//
// Asynchronous messages go by SendAsync, whose callback gives their place back.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"mqproducer"
)

const (
	// window is the most messages in flight in mode async.
	window = 1000
	// batch is the messages of one batch.
	batch = 32
	// After oneWays one-way messages comes one that is answered, so that none only sits in a buffer when it counts.
	oneWays = 1000
)

// bench is one run.
type bench struct {
	nameServer, mode string
	threads, size    int
	compress         bool
	seconds, warm    float64
	message          *mqproducer.Message
	producer         *mqproducer.Producer

	stop, measuring atomic.Bool
	done, errors    atomic.Int64
	// Requests that were answered, and one-way messages.
	answered, oneWay atomic.Int64
	places           chan struct{}
	mutex            sync.Mutex
	latencies        []int64
}

var background = context.Background()

// body is text that compresses, or noise that does not.
func body(size int, text bool) []byte {
	b := make([]byte, size)
	if text {
		const words = "The quick brown fox jumps over the lazy dog; order=12345 status=PAID amount=99.95 "
		for i := range b {
			b[i] = words[i%len(words)]
		}
		for i := 0; i+8 < size; i += 97 {
			b[i] = byte('a' + i*7919%26)
		}
		return b
	}
	noise := uint64(88172645463325252)
	for i := range b {
		noise ^= noise << 13
		noise ^= noise >> 7
		noise ^= noise << 17
		b[i] = byte(noise)
	}
	return b
}

func cpuMicroseconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e3
}

// waitCPU waits until the process has used so much CPU; a busy machine makes the wait longer, not the sample smaller.
func waitCPU(seconds float64) {
	cpu, begin := cpuMicroseconds(), time.Now()
	for {
		time.Sleep(50 * time.Millisecond)
		elapsed := time.Since(begin).Seconds()
		if (cpuMicroseconds()-cpu >= seconds*1e6 && elapsed >= 0.3) || elapsed >= seconds*15 {
			return
		}
	}
}

// status is a line of /proc/self/status.
func status(name string) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		log.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, found := strings.CutPrefix(line, name); found {
			value, _ := strconv.Atoi(strings.Fields(rest)[0])
			return value
		}
	}
	return 0
}

// counters are what the null broker says it received.
type counters struct{ Sends, Oneway, Bytes int64 }

// ask returns nil for other servers, which know no such request.
func ask(nameServer string) (*counters, error) {
	peer, err := net.Dial("tcp", nameServer)
	if err != nil {
		return nil, err
	}
	defer peer.Close()
	const header = `{"code":9999,"flag":0,"opaque":1}`
	request := binary.BigEndian.AppendUint32(nil, uint32(len(header)+4))
	request = binary.BigEndian.AppendUint32(request, uint32(len(header)))
	if _, err := peer.Write(append(request, header...)); err != nil {
		return nil, err
	}
	var lengths [2]uint32
	if err := binary.Read(peer, binary.BigEndian, &lengths); err != nil {
		return nil, err
	}
	rest := make([]byte, lengths[0]-4)
	if _, err := io.ReadFull(peer, rest); err != nil {
		return nil, err
	}
	text := rest[lengths[1]&0xffffff:]
	if len(text) == 0 {
		return nil, nil
	}
	read := new(counters)
	return read, json.Unmarshal(text, read)
}

// verify fails unless the server received what it acknowledged or the kernel took.
func (b *bench) verify(before *counters) error {
	answered, oneWay, size := b.answered.Load(), b.oneWay.Load(), int64(b.size)
	if b.mode == "batch" {
		size *= batch
	}
	if b.compress && b.size >= 4096 {
		size = 0
	}
	for giveUp := time.Now().Add(10 * time.Second); ; {
		after, err := ask(b.nameServer)
		if err != nil {
			return err
		}
		if after == nil {
			return errors.New("the server tells no more what it received")
		}
		got := counters{after.Sends - before.Sends, after.Oneway - before.Oneway, after.Bytes - before.Bytes}
		if got.Sends == answered && got.Oneway == oneWay && got.Bytes >= (answered+oneWay)*size {
			return nil
		}
		if time.Now().After(giveUp) {
			return fmt.Errorf("sent: %d answered, %d one-way; the server received %+v", answered, oneWay, got)
		}
		// What was sent one-way may be on its way.
		time.Sleep(10 * time.Millisecond)
	}
}

func (b *bench) fail(err error) {
	if b.errors.Add(1) == 1 {
		log.Print(err)
	}
}

func stored(r *mqproducer.Receipt) bool {
	return r.SendStatus == mqproducer.SendOK && r.QueueOffset >= 0
}

// count counts the end of one message that was sent by itself.
func (b *bench) count(r *mqproducer.Receipt, err error) {
	if err != nil {
		b.fail(err)
		return
	}
	b.answered.Add(1)
	if stored(r) {
		b.done.Add(1)
	} else {
		b.errors.Add(1)
	}
}

func (b *bench) sync() {
	var latencies []int64
	for !b.stop.Load() {
		begin := time.Now()
		b.count(b.producer.Send(background, b.message))
		if b.measuring.Load() {
			latencies = append(latencies, int64(time.Since(begin)))
		}
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.latencies = append(b.latencies, latencies...)
}

func (b *bench) oneway() {
	for n := 1; !b.stop.Load(); n++ {
		if _, err := b.producer.SendOneway(background, b.message); err != nil {
			b.fail(err)
		} else {
			b.done.Add(1)
			b.oneWay.Add(1)
		}
		if n%oneWays == 0 {
			b.count(b.producer.Send(background, b.message))
		}
	}
}

func (b *bench) batches() {
	messages := make([]*mqproducer.Message, batch)
	for i := range messages {
		messages[i] = b.message
	}
	for !b.stop.Load() {
		ends, err := b.producer.SendBatch(background, messages)
		if err != nil {
			b.fail(err)
			continue
		}
		b.answered.Add(1)
		for _, end := range ends {
			if end.Receipt != nil && stored(end.Receipt) {
				b.done.Add(1)
			} else {
				b.errors.Add(1)
			}
		}
	}
}

func (b *bench) async() {
	ended := func(r *mqproducer.Receipt, err error) {
		b.count(r, err)
		<-b.places
	}
	for !b.stop.Load() {
		b.places <- struct{}{}
		if err := b.producer.SendAsync(background, b.message, ended); err != nil {
			b.fail(err)
			<-b.places
		}
	}
}

func (b *bench) start() error {
	options := []mqproducer.Option{mqproducer.WithTimeout(10 * time.Second)}
	if !b.compress {
		options = append(options, mqproducer.With("compress_msg_body_over_howmuch", 2147483647))
	}
	producer, err := mqproducer.New("rocketmq://"+b.nameServer, "perf_group", options...)
	if err != nil {
		return err
	}
	b.producer = producer
	return producer.Start()
}

func (b *bench) startAndIdle() error {
	if err := b.start(); err != nil {
		return err
	}
	if _, err := b.producer.Send(background, b.message); err != nil {
		return err
	}
	fmt.Println("ACK")
	time.Sleep(2 * time.Second)
	fmt.Printf("{\"rss_kb\":%d,\"threads\":%d}\n", status("VmRSS:"), status("Threads:"))
	return nil
}

func (b *bench) run() error {
	before, err := ask(b.nameServer)
	if err != nil {
		return err
	}
	if err := b.start(); err != nil {
		return err
	}
	modes := map[string]func(){"sync": b.sync, "oneway": b.oneway, "batch": b.batches, "async": b.async}
	work := modes[b.mode]
	if work == nil {
		return errors.New("unknown mode")
	}
	var workers sync.WaitGroup
	for i := 0; i < b.threads; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			work()
		}()
	}
	waitCPU(b.warm)
	b.measuring.Store(true)
	messages, cpu, begin := b.done.Load(), cpuMicroseconds(), time.Now()
	waitCPU(b.seconds)
	messages, cpu = b.done.Load()-messages, cpuMicroseconds()-cpu
	elapsed := time.Since(begin).Seconds()
	b.measuring.Store(false)
	rss := status("VmHWM:")
	b.stop.Store(true)
	workers.Wait()
	if err := b.producer.Close(background); err != nil {
		return err
	}
	if before != nil {
		if err := b.verify(before); err != nil {
			return err
		}
	}
	slices.Sort(b.latencies)
	quantile := func(share float64) float64 {
		if len(b.latencies) == 0 {
			return 0
		}
		return float64(b.latencies[int(float64(len(b.latencies))*share)]) / 1e3
	}
	line, err := json.Marshal(map[string]any{
		"msgs": messages, "secs": elapsed, "rate": float64(messages) / elapsed,
		"cpu_us": cpu / float64(max(messages, 1)), "p50": quantile(.5), "p99": quantile(.99), "p999": quantile(.999),
		"rss_kb": rss, "err": b.errors.Load(), "verified": before != nil,
	})
	fmt.Println(string(line))
	return err
}

func main() {
	if len(os.Args) != 9 {
		log.Fatal("usage: NAME_SERVER sync|async|oneway|batch|startup THREADS SIZE text|rand on|off SECONDS WARM")
	}
	a := os.Args[1:]
	b := &bench{nameServer: a[0], mode: a[1], compress: a[5] == "on", places: make(chan struct{}, window)}
	var wrong [4]error
	b.threads, wrong[0] = strconv.Atoi(a[2])
	b.size, wrong[1] = strconv.Atoi(a[3])
	b.seconds, wrong[2] = strconv.ParseFloat(a[6], 64)
	b.warm, wrong[3] = strconv.ParseFloat(a[7], 64)
	err := errors.Join(wrong[:]...)
	if err == nil {
		b.message = &mqproducer.Message{Topic: "PerfTopic", Tags: "TagA", Body: body(b.size, a[4] == "text")}
		if b.mode == "startup" {
			err = b.startAndIdle()
		} else {
			err = b.run()
		}
	}
	if err != nil {
		log.Fatal(err)
	}
}
