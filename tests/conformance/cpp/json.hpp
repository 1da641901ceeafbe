// JSON values: read from a text, printed, compared by patterns.

#ifndef CONFORMANCE_JSON_HPP
#define CONFORMANCE_JSON_HPP

#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What is wrong with a case or the runner, rather than an outcome that differs.
struct Wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Json {
public:
    enum class Kind { null, boolean, number, text, list, object };

    Json() = default;
    Json(bool value) : kind(Kind::boolean), boolean(value) {}
    Json(double value) : kind(Kind::number), number(value) {}
    Json(std::string_view value) : kind(Kind::text), text(value) {}
    Json(const char* value) : Json(std::string_view(value)) {}
    Json(const std::string& value) : Json(std::string_view(value)) {}

    static Json list() { return Json(Kind::list); }
    static Json object() { return Json(Kind::object); }
    /// The value of a text; throws Wrong when it is not JSON.
    static Json parse(std::string_view text);

    /// An integer, exact below 2^53.
    template <class N>
    static Json of(N value) {
        return Json(static_cast<double>(value));
    }

    bool is(Kind other) const { return kind == other; }
    bool is(std::string_view other) const { return kind == Kind::text && text == other; }

    /// A field; null when there is none.
    const Json* find(std::string_view name) const;
    /// A field, made when there is none.
    Json& operator[](std::string_view name);
    void add(Json value) { items.push_back(std::move(value)); }

    std::string text_of(std::string_view name, std::string_view otherwise = "") const;
    double number_of(std::string_view name, double otherwise = 0) const;

    std::string print() const;

    Kind kind = Kind::null;
    bool boolean = false;
    double number = 0;
    std::string text;
    /// Elements, or the values of fields.
    std::vector<Json> items;
    /// Of fields, in their order.
    std::vector<std::string> names;

private:
    explicit Json(Kind which) : kind(which) {}
};

/// Where made-up values come from.
struct Source {
    std::string url;
    std::string address;
    std::string id;
    /// A folder that the case has for itself.
    std::string temporary;
    /// A field of an outcome that was kept: name, field.
    std::function<const Json*(const std::string&, const std::string&)> saved;
    /// A property of a stored message: topic, number, name.
    std::function<std::optional<std::string>(const std::string&, std::size_t, const std::string&)> stored;
};

/// The value with everything replaced that can be, in the repetition `number`; throws Wrong.
Json resolve(const Json& value, std::size_t number, const Source& source);

/// Adds to `differences` how the value differs from the pattern.
void compare(const Json& pattern, const Json& value, const std::string& path, std::vector<std::string>& differences);

#endif
