/// @file
/// What a producer counted.

#ifndef MQPRODUCER_STATISTICS_HPP
#define MQPRODUCER_STATISTICS_HPP

#include "log.hpp"

namespace mqproducer {

/// What a producer counted up to one moment; docs/STATISTICS.md lists what is in it. Borrowed, with its texts, from where
/// it comes from. Any threads may read it at the same time.
class StatisticsView {
public:
    /// Reads statistics of the C interface; borrowed from them. Empty texts for NULL.
    explicit StatisticsView(const mqp_statistics* handle) noexcept : handle_(handle) {}

    /// One JSON object.
    std::string_view json() const noexcept { return detail::view(mqp_statistics_json(handle_)); }

    /// Prometheus text exposition, version 0.0.4.
    std::string_view prometheus() const noexcept { return detail::view(mqp_statistics_prometheus(handle_)); }

    /// The handle, for calls of the C interface; borrowed.
    const mqp_statistics* handle() const noexcept { return handle_; }

private:
    const mqp_statistics* handle_;
};

/// The owner of what its base shows. The texts stay where they are when it is moved.
class Statistics : public StatisticsView {
public:
    /// Takes ownership of statistics of the C interface.
    explicit Statistics(mqp_statistics* handle) noexcept : StatisticsView(handle), owner_(handle) {}

    /// Takes what `other` owns, which is then empty.
    Statistics(Statistics&& other) noexcept : StatisticsView(other), owner_(std::move(other.owner_)) {
        static_cast<StatisticsView&>(other) = StatisticsView(nullptr);
    }

    /// Takes what `other` owns, which is then empty.
    Statistics& operator=(Statistics&& other) noexcept {
        Statistics taken(std::move(other));
        std::swap(static_cast<StatisticsView&>(*this), static_cast<StatisticsView&>(taken));
        std::swap(owner_, taken.owner_);
        return *this;
    }

private:
    std::unique_ptr<mqp_statistics, detail::Deleter<mqp_statistics_free>> owner_;
};

namespace detail {
inline namespace MQPRODUCER_ABI {

/// The caller's callable as the one that is told statistics.
template <class F>
struct StatisticsBox {
    F callable;

    static void call(void* user_data, const mqp_statistics* statistics) {
        guarded("the statistics callback", true, [&] {
            static_cast<void>(static_cast<StatisticsBox*>(user_data)->callable(StatisticsView(statistics)));
        });
    }

    static void drop(void* user_data) { delete static_cast<StatisticsBox*>(user_data); }

    static_assert(std::is_invocable_v<F&, const StatisticsView&>,
                  "a statistics callback takes a const mqproducer::StatisticsView&");
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
