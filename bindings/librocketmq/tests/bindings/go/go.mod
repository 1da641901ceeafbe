module dropin

go 1.21

require github.com/apache/rocketmq-client-go v1.2.4

require (
	github.com/sirupsen/logrus v1.9.3 // indirect
	golang.org/x/sys v0.13.0 // indirect
)
