module mqproducer/tests/conformance

go 1.21

require mqproducer v0.0.0

replace mqproducer => ../../../bindings/go
