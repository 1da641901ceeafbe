//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/cgo"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Level is the weight of a log record: the lower, the graver.
type Level uint32

// The levels of the log.
const (
	// LevelOff: no record at all.
	LevelOff Level = C.MQP_LOG_OFF
	// LevelError: something failed that the library does not mend by itself.
	LevelError Level = C.MQP_LOG_ERROR
	// LevelWarn: something failed and is tried again.
	LevelWarn Level = C.MQP_LOG_WARN
	// LevelInfo: rare events of normal life.
	LevelInfo Level = C.MQP_LOG_INFO
	// LevelDebug: what helps to find a fault.
	LevelDebug Level = C.MQP_LOG_DEBUG
	// LevelTrace: every message.
	LevelTrace Level = C.MQP_LOG_TRACE
)

// String is the name of the level, such as WARN.
func (l Level) String() string {
	names := [...]string{"OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"}
	if int(l) < len(names) {
		return names[l]
	}
	return fmt.Sprintf("Level(%d)", uint32(l))
}

// LogFunc receives one record: its level, the part of the library that speaks, and what it says. It must not block for
// long, and not call this package. See "Callbacks" in the package's documentation.
type LogFunc func(level Level, target, message string)

type logger struct {
	most     Level
	function LogFunc
}

func (l *logger) call(level Level, target, message string) {
	defer func() {
		// There is no log left to tell it.
		if panicked := recover(); panicked != nil {
			fmt.Fprintf(os.Stderr, "mqproducer: the log function panicked: %v\n%s", panicked, debug.Stack())
		}
	}()
	l.function(level, target, message)
}

var (
	// settingLog makes the library's log function and ours the same.
	settingLog sync.Mutex
	currentLog atomic.Pointer[logger]
)

// SetLog sets who receives the log of the whole process, in place of what was set before; nil, the default, is nobody.
// Records above the level most are not made. Records made before may still reach the earlier function.
func SetLog(most Level, function LogFunc) error {
	if err := checkVersion(); err != nil {
		return err
	}
	settingLog.Lock()
	defer settingLog.Unlock()
	if function == nil {
		if err := take(C.mqpgo_log_set(C.uint32_t(most), 0)); err != nil {
			return err
		}
		currentLog.Store(nil)
		return nil
	}
	l := &logger{most, function}
	handle := cgo.NewHandle(l)
	if err := take(C.mqpgo_log_set(C.uint32_t(most), C.uintptr_t(handle))); err != nil {
		handle.Delete()
		return err
	}
	currentLog.Store(l)
	return nil
}

// SetLogger sends the log of the whole process to logger, as [SetLog] with [Slog] does; nil: to nobody. Records that the
// logger does not take now are not made at all: call it again when its level has changed.
func SetLogger(logger *slog.Logger) error {
	if logger == nil {
		return SetLog(LevelOff, nil)
	}
	most := LevelOff
	for level := LevelError; level <= LevelTrace; level++ {
		if logger.Enabled(context.Background(), slogLevel(level)) {
			most = level
		}
	}
	return SetLog(most, Slog(logger))
}

// Slog makes a [LogFunc] that hands each record to logger, with the attribute "target". Trace is below slog's debug.
func Slog(logger *slog.Logger) LogFunc {
	return func(level Level, target, message string) {
		logger.LogAttrs(context.Background(), slogLevel(level), message, slog.String("target", target))
	}
}

func slogLevel(level Level) slog.Level {
	switch level {
	case LevelError:
		return slog.LevelError
	case LevelWarn:
		return slog.LevelWarn
	case LevelInfo:
		return slog.LevelInfo
	case LevelDebug:
		return slog.LevelDebug
	}
	return slog.LevelDebug - 4
}

// report is a record of this package's own. An error is never lost: without a log function it goes to standard error.
func report(level Level, message string) {
	if l := currentLog.Load(); l != nil && level <= l.most {
		l.call(level, "mqproducer.go", message)
	} else if level <= LevelError {
		fmt.Fprintf(os.Stderr, "mqproducer: %s\n", message)
	}
}
