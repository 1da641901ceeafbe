//go:build !cgo

package mqproducer

// Without cgo there is no way to the library: the compiler's message about this name says what to do.
var _ = mqproducer_needs_cgo_set_CGO_ENABLED_1_and_install_a_C_compiler
