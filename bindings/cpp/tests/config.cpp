// Configuration, errors, versions and the types' own promises.

#include "harness.hpp"

#include <algorithm>
#include <set>

using namespace mqproducer;
using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<Config> && std::is_nothrow_move_constructible_v<Config>);
static_assert(!std::is_copy_constructible_v<Producer> && std::is_nothrow_move_constructible_v<Producer>);
static_assert(!std::is_copy_constructible_v<Receipt> && std::is_nothrow_move_constructible_v<Receipt>);
static_assert(!std::is_copy_constructible_v<MockCluster> && std::is_nothrow_move_assignable_v<MockCluster>);
static_assert(std::is_nothrow_copy_constructible_v<Error>);
static_assert(std::is_base_of_v<std::runtime_error, Error>);

TEST(config_reads_back_what_was_set) {
    Config config;
    const std::string value = "90";
    config.set("url", "mock://a").set("producer_group", std::string("group")).set("heartbeat_broker_interval", 2s);
    config.set("retry_another_broker_when_not_store_ok", true).set("max_message_size", 1000u);
    config.set("retry_times_when_send_failed", std::string_view(value));
    CHECK_EQUAL(config.get("url"), "mock://a");
    CHECK_EQUAL(config.get("producer_group"), "group");
    CHECK_EQUAL(config.get("heartbeat_broker_interval"), "2000");
    CHECK_EQUAL(config.get("retry_another_broker_when_not_store_ok"), "true");
    CHECK_EQUAL(config.get("max_message_size"), "1000");
    CHECK_EQUAL(config.get("retry_times_when_send_failed"), "90");
    CHECK_EQUAL(config.get("send_msg_timeout"), "3000");
}

TEST(config_chain_on_a_temporary) {
    const Config config = Config().set("url", "mock://b").set("send_msg_timeout", 1500ms);
    CHECK_EQUAL(config.get("send_msg_timeout"), "1500");
}

TEST(config_unknown_key_suggests_the_nearest) {
    const Error error = ERROR_OF(Config().set("send_msg_timeuot", 1));
    CHECK_EQUAL(error.status(), Status::invalid_config);
    CHECK_EQUAL(error.name(), "INVALID_CONFIG");
    CHECK_CONTAINS(error.what(), "send_msg_timeuot");
    CHECK_CONTAINS(error.what(), "send_msg_timeout");
    CHECK(!error.broker_code().has_value());
    CHECK(error.remark().empty());
    CHECK(!error.retriable());
    CHECK(!error.maybe_persisted());
    const Error reading = ERROR_OF(Config().get("nothing"));
    CHECK_EQUAL(reading.status(), Status::invalid_config);
}

TEST(config_value_out_of_range_names_the_range) {
    Config config;
    config.set("retry_times_when_send_failed", 7);
    const Error error = ERROR_OF(config.set("retry_times_when_send_failed", 101));
    CHECK_EQUAL(error.status(), Status::invalid_config);
    CHECK_CONTAINS(error.what(), "retry_times_when_send_failed");
    CHECK_CONTAINS(error.what(), "101");
    CHECK_CONTAINS(error.what(), "100");
    CHECK_EQUAL(config.get("retry_times_when_send_failed"), "7");
    CHECK_EQUAL(ERROR_OF(config.set("send_msg_timeout", "soon")).status(), Status::invalid_config);
}

TEST(config_text_that_is_not_utf8) {
    const Error error = ERROR_OF(Config().set("producer_group", "\xff\xfe"));
    CHECK_EQUAL(error.status(), Status::invalid_argument);
}

TEST(config_initializer_list_throws) {
    const Error error = ERROR_OF((Config{{"url", "mock://c"}, {"prducer_group", "g"}}));
    CHECK_CONTAINS(error.what(), "producer_group");
}

TEST(config_malformed_url) {
    for (const char* url : {"", "rocketmq://", "http://host:9876", "rocketmq://host:99999", "rocketmq://host:port"}) {
        const Error error = ERROR_OF(Producer(Config{{"url", url}, {"producer_group", "g"}}));
        CHECK_EQUAL(error.status(), Status::invalid_config);
        CHECK_CONTAINS(error.what(), "url");
    }
}

TEST(config_required_keys) {
    CHECK_CONTAINS(ERROR_OF(Producer(Config())).what(), "url");
    CHECK_CONTAINS(ERROR_OF(Producer(Config().set("url", "mock://d"))).what(), "producer_group");
}

TEST(config_options_list_every_key) {
    const std::vector<ConfigOption> options = config_options();
    CHECK(options.size() > 10);
    const Config config;
    for (const ConfigOption& option : options) {
        CHECK(!option.doc.empty());
        CHECK_EQUAL(config.get(option.key), option.default_value);
    }
    const auto named = [](const ConfigOption& option) { return option.key == "send_msg_timeout"; };
    const auto found = std::find_if(options.begin(), options.end(), named);
    REQUIRE(found != options.end());
    CHECK_EQUAL(found->type_name, "milliseconds");
    CHECK_EQUAL(found->default_value, "3000");
    CHECK(!found->range.empty());
}

TEST(config_moved_from_is_refused) {
    Config config;
    const Config other = std::move(config);
    const Error error = ERROR_OF(config.set("url", "mock://e"));
    CHECK_EQUAL(error.status(), Status::invalid_argument);
    CHECK_CONTAINS(error.what(), "config");
}

// The spelling of each constant is that of the library's table.
TEST(status_has_every_row_of_the_table) {
    const std::vector<std::pair<Status, const char*>> known = {
        {Status::ok, "OK"},
        {Status::invalid_argument, "INVALID_ARGUMENT"},
        {Status::invalid_config, "INVALID_CONFIG"},
        {Status::invalid_message, "INVALID_MESSAGE"},
        {Status::message_too_large, "MESSAGE_TOO_LARGE"},
        {Status::not_started, "NOT_STARTED"},
        {Status::already_started, "ALREADY_STARTED"},
        {Status::closed, "CLOSED"},
        {Status::no_name_server, "NO_NAME_SERVER"},
        {Status::no_route, "NO_ROUTE"},
        {Status::broker_not_found, "BROKER_NOT_FOUND"},
        {Status::connect, "CONNECT"},
        {Status::connection_lost, "CONNECTION_LOST"},
        {Status::timeout, "TIMEOUT"},
        {Status::broker, "BROKER"},
        {Status::protocol, "PROTOCOL"},
        {Status::backpressure, "BACKPRESSURE"},
        {Status::would_deadlock, "WOULD_DEADLOCK"},
        {Status::forked, "FORKED"},
        {Status::version_mismatch, "VERSION_MISMATCH"},
        {Status::resource, "RESOURCE"},
        {Status::internal, "INTERNAL"},
        {Status::unsupported, "UNSUPPORTED"},
        {Status::forbidden, "FORBIDDEN"},
        {Status::request_timeout, "REQUEST_TIMEOUT"},
        {Status::spooled, "SPOOLED"},
        {Status::transaction_rolled_back, "TRANSACTION_ROLLED_BACK"},
        {Status::transaction_in_doubt, "TRANSACTION_IN_DOUBT"},
    };
    CHECK_EQUAL(mqp_status_count(), known.size());
    for (const auto& [status, name] : known) {
        CHECK_EQUAL(status_name(status), name);
    }
    CHECK_EQUAL(status_name(static_cast<Status>(9999)), "UNKNOWN");
    CHECK_EQUAL(send_status_name(SendStatus::slave_not_available), "SLAVE_NOT_AVAILABLE");
}

TEST(version_of_header_and_library_agree) {
    CHECK_EQUAL(mqp_version_number(), static_cast<std::uint32_t>(MQP_VERSION_NUMBER));
    mqp_error* raw = nullptr;
    const mqp_status status = mqp_version_check(MQP_VERSION_NUMBER + 1, &raw);
    const Error error(status, raw);
    CHECK_EQUAL(error.status(), Status::version_mismatch);
    CHECK_CONTAINS(error.what(), MQP_VERSION_STRING);
}

TEST(error_copies_outlive_the_first) {
    std::optional<Error> copy;
    {
        const Error error = ERROR_OF(Config().set("no_such_key", 1));
        copy = error;
    }
    CHECK_EQUAL(copy->status(), Status::invalid_config);
    CHECK_CONTAINS(copy->what(), "no_such_key");
    const Error own(Status::timeout, "mine");
    CHECK_EQUAL(own.name(), "TIMEOUT");
    CHECK(!own.code().has_value());
    CHECK_EQUAL(std::string(own.what()), "mine");
}

TEST(result_holds_value_or_error) {
    Config config;
    const Result<void> good = config.try_set("url", "mock://f");
    CHECK(good.has_value());
    const Result<void> bad = config.try_set("url2", "x");
    CHECK(!bad);
    CHECK_EQUAL(bad.error().status(), Status::invalid_config);
    Result<std::string> value = config.try_get("url");
    REQUIRE(value.has_value());
    CHECK_EQUAL(value->size(), 8u);
    CHECK_EQUAL(unwrap(std::move(value)), "mock://f");
}
