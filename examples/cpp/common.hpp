// What the example programs share: a producer, a line about a receipt, and what to do with errors.

#ifndef EXAMPLES_COMMON_HPP
#define EXAMPLES_COMMON_HPP

#include <mqproducer.hpp>

#include <iostream>
#include <string>

inline mqproducer::Config config(const char* url, const char* group = "demo-cpp") {
    return mqproducer::Config{{"url", url}, {"producer_group", group}};
}

inline mqproducer::Producer started(const char* url) {
    mqproducer::Producer producer(config(url));
    producer.start();
    return producer;
}

inline void print(const char* what, const mqproducer::ReceiptView& receipt) {
    const std::string offset = receipt.queue_offset() < 0 ? "-" : std::to_string(receipt.queue_offset());
    std::cout << "cpp " << what << " id=" << receipt.message_id() << " queue=" << receipt.broker_name() << '/'
              << receipt.queue_id() << " offset=" << offset << std::endl;
}

// Runs the program; its exit status.
template <class Program>
int run(Program&& program) {
    try {
        return program();
    } catch (const mqproducer::Error& error) {
        std::cerr << "cpp: " << error.name() << ": " << error.what() << std::endl;
    } catch (const std::exception& exception) {
        std::cerr << "cpp: " << exception.what() << std::endl;
    }
    return 1;
}

#endif
