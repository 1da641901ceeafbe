package main

import (
	"mqproducer"
	"os"
	"time"
)

func main() {
	must(os.Setenv("MQ_ACCESS_KEY", "key"))
	must(os.Setenv("MQ_SECRET_KEY", "secret"))
	// BLOCK
	must(err)
	must(producer.Close(patient()))
}
