/// @file
/// What snapshots have in common.

#ifndef MQPRODUCER_SNAPSHOT_HPP
#define MQPRODUCER_SNAPSHOT_HPP

#include <cstddef>
#include <iterator>

namespace mqproducer {
namespace detail {

/// Reads one element of a snapshot after another.
template <class Snapshot, class Element>
class SnapshotIterator {
public:
    /// The iterator's traits: it makes its values.
    using iterator_category = std::input_iterator_tag;
    /// What it leads to.
    using value_type = Element;
    /// Between two of them.
    using difference_type = std::ptrdiff_t;
    /// None: the value lives in no container.
    using pointer = void;
    /// Made by each reading.
    using reference = Element;

    /// The place `index` in `snapshot`.
    SnapshotIterator(const Snapshot& snapshot, std::size_t index) noexcept : snapshot_(&snapshot), index_(index) {}
    /// The element here.
    Element operator*() const noexcept { return (*snapshot_)[index_]; }
    /// On to the next.
    SnapshotIterator& operator++() noexcept {
        ++index_;
        return *this;
    }
    /// On to the next; the place before.
    SnapshotIterator operator++(int) noexcept { return SnapshotIterator(*snapshot_, index_++); }
    /// Whether it is the same place.
    friend bool operator==(const SnapshotIterator& left, const SnapshotIterator& right) noexcept {
        return left.index_ == right.index_;
    }
    /// Whether it is another place.
    friend bool operator!=(const SnapshotIterator& left, const SnapshotIterator& right) noexcept {
        return !(left == right);
    }

private:
    const Snapshot* snapshot_;
    std::size_t index_;
};

}  // namespace detail
}  // namespace mqproducer

#endif
