// Transactions: commit, rollback, and what the broker's check does.

#include "harness.hpp"

#include <thread>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

constexpr std::int32_t end_transaction_code = 37;

TransactionState unknown(const ReceivedMessageView&) {
    return TransactionState::unknown;
}

/// A cluster whose brokers do not ask during a test.
MockCluster patient_cluster() {
    MockCluster cluster;
    cluster.set_transaction_check_interval(1h);
    return cluster;
}

template <class Checker>
Producer transactional(const MockCluster& cluster, Checker&& checker, std::shared_ptr<SendHook> hook = nullptr) {
    Producer producer(harness::config(cluster.url()));
    producer.set_transaction_checker(std::forward<Checker>(checker));
    if (hook != nullptr) {
        producer.add_hook(std::move(hook));
    }
    producer.start();
    return producer;
}

/// The word that the broker got, waited for; it must be the only one.
std::string word(const MockCluster& cluster) {
    cluster.wait_requests(1, 30s, {}, end_transaction_code);
    const MockRequests requests = cluster.requests({}, end_transaction_code);
    CHECK_EQUAL(requests.size(), 1u);
    const std::string number(requests[0].field("commitOrRollback").value_or("none"));
    return number == "8" ? "commit" : number == "12" ? "rollback" : number == "0" ? "unknown" : number;
}

struct EndHook : SendHook {
    void end_transaction(const EndTransactionContext& context) override {
        state = context.state();
        text = std::string(context.topic()) + " " + std::string(context.message_id());
        from_check = context.from_check();
        ends.add();
    }

    harness::Counter ends;
    TransactionState state = TransactionState::unknown;
    std::string text;
    bool from_check = false;
};

}  // namespace

TEST(transaction_that_is_committed_is_delivered) {
    MockCluster cluster = patient_cluster();
    const auto hook = std::make_shared<EndHook>();
    Producer producer = transactional(cluster, unknown, hook);
    Transaction transaction = producer.begin_transaction();
    const Receipt receipt = transaction.send(Message("Topic", "body").tags("tag").property("colour", "red"));
    CHECK(!receipt.transaction_id().empty());
    CHECK_EQUAL(cluster.message_count("Topic"), 0u);
    transaction.commit();
    CHECK_EQUAL(word(cluster), "commit");
    cluster.wait(1, 30s, "Topic");
    const MockMessages stored = cluster.messages("Topic");
    REQUIRE(stored.size() == 1);
    CHECK_EQUAL(stored[0].body(), "body");
    CHECK_EQUAL(stored[0].tags(), "tag");
    CHECK_EQUAL(stored[0].message_id(), receipt.message_id());
    CHECK_EQUAL(stored[0].property("colour").value_or(""), "red");
    CHECK_EQUAL(hook->ends.value(), 1);
    CHECK(hook->state == TransactionState::commit && !hook->from_check);
    CHECK_EQUAL(hook->text, "Topic " + std::string(receipt.message_id()));
}

TEST(transaction_rolls_back_by_a_call_by_an_exception_and_by_its_end) {
    for (int way = 0; way < 3; ++way) {
        MockCluster cluster = patient_cluster();
        Producer producer = transactional(cluster, unknown);
        try {
            Transaction transaction = producer.begin_transaction();
            transaction.send(Message("Topic", "body"));
            if (way == 0) {
                transaction.rollback();
            } else if (way == 1) {
                throw std::runtime_error("local work failed");
            }
        } catch (const std::runtime_error& error) {
            CHECK_EQUAL(std::string(error.what()), "local work failed");
        }
        CHECK_EQUAL(word(cluster), "rollback");
        CHECK_EQUAL(cluster.message_count("Topic"), 0u);
    }
}

TEST(transaction_that_was_moved_ends_once) {
    MockCluster cluster = patient_cluster();
    Producer producer = transactional(cluster, unknown);
    {
        Transaction first = producer.begin_transaction();
        first.send(Message("Topic", "body"));
        Transaction second = std::move(first);
        CHECK_EQUAL(ERROR_OF(first.commit()).status(), Status::invalid_argument);
        second.commit();
    }
    CHECK_EQUAL(word(cluster), "commit");
}

TEST(transaction_refuses_what_is_out_of_order) {
    MockCluster cluster = patient_cluster();
    Producer plain = harness::started(cluster.url());
    CHECK_EQUAL(ERROR_OF(plain.begin_transaction()).status(), Status::invalid_config);
    CHECK_EQUAL(ERROR_OF(plain.set_transaction_checker(unknown)).status(), Status::already_started);
    Producer producer(harness::config(cluster.url()));
    CHECK_EQUAL(ERROR_OF(producer.begin_transaction()).status(), Status::not_started);
    producer.set_transaction_checker(unknown);
    producer.start();
    Transaction transaction = producer.begin_transaction();
    CHECK_EQUAL(ERROR_OF(transaction.commit()).status(), Status::invalid_argument);
    CHECK_EQUAL(ERROR_OF(transaction.rollback()).status(), Status::invalid_argument);
    CHECK_CONTAINS(ERROR_OF(transaction.send(Message("Topic", "body").delay_level(1))).what(), "delay");
    transaction.send(Message("Topic", "body"));
    CHECK_EQUAL(ERROR_OF(transaction.send(Message("Topic", "again"))).status(), Status::unsupported);
    transaction.commit();
    CHECK_EQUAL(ERROR_OF(transaction.rollback()).status(), Status::invalid_argument);
    CHECK_EQUAL(word(cluster), "commit");
    producer.close(5s);
    CHECK_EQUAL(ERROR_OF(producer.begin_transaction()).status(), Status::closed);
}

TEST(transaction_checker_answers_the_broker) {
    struct Case {
        const char* word;
        TransactionState (*answer)();
    };
    harness::Counter caught;
    set_callback_exception_handler([&](std::exception_ptr) { caught.add(); });
    for (const Case& one : {Case{"commit", [] { return TransactionState::commit; }},
                            Case{"rollback", [] { return TransactionState::rollback; }},
                            Case{"unknown", []() -> TransactionState { throw std::runtime_error("on purpose"); }}}) {
        MockCluster cluster;
        cluster.set_transaction_check_interval(10ms);
        harness::Counter checks;
        std::string seen;
        std::string id;
        {
            Producer producer = transactional(cluster, [&](const ReceivedMessageView& message) {
                if (checks.value() == 0) {
                    seen = std::string(message.topic()) + " " + std::string(message.body()) + " " +
                           std::string(message.tags()) + " " + std::string(message.property("colour").value_or("")) +
                           " " + std::string(message.message_id());
                }
                checks.add();
                return one.answer();
            });
            Transaction transaction = producer.begin_transaction();
            id = transaction.send(Message("Topic", "body").tags("tag").property("colour", "red")).message_id();
            REQUIRE(checks.wait_for(1));
            cluster.wait_requests(1, 30s, {}, end_transaction_code);
            const MockRequests requests = cluster.requests({}, end_transaction_code);
            CHECK_EQUAL(requests[0].field("fromTransactionCheck").value_or(""), "true");
            CHECK_EQUAL(requests[0].field("commitOrRollback").value_or(""),
                        one.word[0] == 'c' ? "8" : one.word[0] == 'r' ? "12" : "0");
            if (one.word[0] == 'c') {
                cluster.wait(1, 30s, "Topic");
            } else {
                CHECK_EQUAL(cluster.message_count("Topic"), 0u);
            }
            producer.close(5s);
        }
        CHECK_EQUAL(seen, "Topic body tag red " + id);
    }
    CHECK(caught.wait_for(1));
    set_callback_exception_handler(nullptr);
}

TEST(transaction_checker_is_let_go_with_its_producer) {
    MockCluster cluster;
    auto token = std::make_shared<int>(1);
    {
        Producer producer = transactional(cluster, [token](const ReceivedMessageView&) {
            return *token == 1 ? TransactionState::commit : TransactionState::rollback;
        });
        CHECK_EQUAL(token.use_count(), 2);
    }
    CHECK(harness::eventually([&] { return token.use_count() == 1; }));
}
