//go:build cgo

package mqproducer

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// benchmark measures sends of 1 KiB to the embedded cluster; work sends b.N of them and waits for their ends.
func benchmark(b *testing.B, work func(p *Producer, m *Message)) {
	p := startedProducer(b, newCluster(b).URL(), WithTimeout(time.Minute))
	m := &Message{Topic: "Bench", Body: make([]byte, 1024)}
	if _, err := p.Send(background, m); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	calls := runtime.NumCgoCall()
	b.ResetTimer()
	work(p, m)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(runtime.NumCgoCall()-calls)/float64(b.N)*1000, "crossings/1000")
}

func benchmarkSend(b *testing.B, senders int) {
	benchmark(b, func(p *Producer, m *Message) {
		var left atomic.Int64
		left.Store(int64(b.N))
		var all sync.WaitGroup
		for i := 0; i < senders; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for left.Add(-1) >= 0 {
					if _, err := p.Send(background, m); err != nil {
						b.Error(err)
					}
				}
			}()
		}
		all.Wait()
	})
}

func BenchmarkSendOf1Goroutine(b *testing.B)   { benchmarkSend(b, 1) }
func BenchmarkSendOf64Goroutines(b *testing.B) { benchmarkSend(b, 64) }

func BenchmarkSendAsync(b *testing.B) {
	benchmark(b, func(p *Producer, m *Message) {
		var all sync.WaitGroup
		all.Add(b.N)
		for i := 0; i < b.N; i++ {
			if err := p.SendAsync(background, m, func(*Receipt, error) { all.Done() }); err != nil {
				b.Fatal(err)
			}
		}
		all.Wait()
	})
}
