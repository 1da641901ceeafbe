module mqproducer

go 1.21
