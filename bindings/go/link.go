//go:build cgo

package mqproducer

// The published module has other files in place of this one: there the library is inside, for each platform.

// #cgo CFLAGS: -I${SRCDIR}/../../include
// #cgo LDFLAGS: -lmqproducer
import "C"
