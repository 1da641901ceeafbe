// Made-up values, and patterns that outcomes are compared with.

#include "json.hpp"

#include <algorithm>

namespace {

using Kind = Json::Kind;

/// The name of the only field of an object, when it is `$something`, else the empty text.
std::string operator_of(const Json& value) {
    return value.is(Kind::object) && value.names.size() == 1 && value.names[0].substr(0, 1) == "$" ? value.names[0] : "";
}

void replace(std::string& text, std::string_view what, const std::string& with) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
}

std::optional<Json> made_up(const std::string& name, const Json& argument, const Source& source) {
    if (name == "$saved") {
        const std::size_t dot = argument.text.find('.');
        const Json* found = dot != std::string::npos
                                ? source.saved(argument.text.substr(0, dot), argument.text.substr(dot + 1))
                                : nullptr;
        return found != nullptr ? std::optional<Json>(*found) : std::nullopt;
    }
    const std::vector<Json>& list = argument.items;
    if (list.size() < 2 || !list[0].is(Kind::text) || !list[1].is(Kind::number)) {
        return std::nullopt;
    }
    const auto number = static_cast<std::size_t>(list[1].number);
    if (name == "$stored") {
        const std::optional<std::string> found =
            list.size() == 3 ? source.stored(list[0].text, number, list[2].text) : std::nullopt;
        return found ? std::optional<Json>(*found) : std::nullopt;
    }
    std::string text;
    for (std::size_t time = 0; time < number; ++time) {
        text += list[0].text;
    }
    return Json(text);
}

std::string shown(const Json& value) {
    const std::string text = value.print();
    return text.size() <= 400 ? text : text.substr(0, 400) + "... (" + std::to_string(text.size()) + " bytes)";
}

bool fits(const Json& pattern, const Json& value) {
    std::vector<std::string> differences;
    compare(pattern, value, "", differences);
    return differences.empty();
}

std::string sizes_differ(const Json& pattern, const Json& value) {
    return "has " + std::to_string(value.items.size()) + " elements, not " + std::to_string(pattern.items.size()) + ": " +
           shown(value);
}

void compare_unordered(const Json& patterns, const Json& value, const std::string& path,
                       std::vector<std::string>& differences) {
    if (patterns.items.size() != value.items.size()) {
        differences.push_back(path + ": " + sizes_differ(patterns, value));
        return;
    }
    std::vector<Json> left = value.items;
    for (const Json& pattern : patterns.items) {
        const auto found = std::find_if(left.begin(), left.end(), [&](const Json& one) { return fits(pattern, one); });
        if (found == left.end()) {
            differences.push_back(path + ": no element left of " + shown(value) + " is " + shown(pattern));
        } else {
            left.erase(found);
        }
    }
}

void compare_operator(const std::string& name, const Json& pattern, const Json& value, const std::string& path,
                      std::vector<std::string>& differences) {
    const Json& argument = pattern.items[0];
    if (name == "$contains" && value.is(Kind::text)) {
        for (const Json& part : argument.is(Kind::list) ? argument.items : std::vector<Json>{argument}) {
            if (!part.is(Kind::text) || value.text.find(part.text) == std::string::npos) {
                differences.push_back(path + ": " + shown(value) + " does not hold " + shown(part));
            }
        }
    } else if (name == "$present" && value.is(Kind::text) && argument.is(Kind::boolean)) {
        if (argument.boolean == value.text.empty()) {
            differences.push_back(path + ": is " + shown(value));
        }
    } else if (name == "$not") {
        if (fits(argument, value)) {
            differences.push_back(path + ": is " + shown(value) + ", and should not be");
        }
    } else if (name == "$unordered" && value.is(Kind::list) && argument.is(Kind::list)) {
        compare_unordered(argument, value, path, differences);
    } else if (name == "$each" && value.is(Kind::list)) {
        if (value.items.empty()) {
            differences.push_back(path + ": is empty");
        }
        for (std::size_t index = 0; index < value.items.size(); ++index) {
            compare(argument, value.items[index], path + "[" + std::to_string(index) + "]", differences);
        }
    } else {
        differences.push_back(path + ": " + shown(pattern) + " is not for " + shown(value));
    }
}

void compare_fields(const Json& pattern, const Json& value, const std::string& path,
                    std::vector<std::string>& differences) {
    for (std::size_t index = 0; index < pattern.items.size(); ++index) {
        const std::string at = path + "." + pattern.names[index];
        const Json* field = value.find(pattern.names[index]);
        const bool absent = operator_of(pattern.items[index]) == "$absent";
        if (absent && field != nullptr) {
            differences.push_back(at + ": is " + shown(*field) + ", and should not be");
        } else if (!absent && field == nullptr) {
            differences.push_back(at + ": there is none in " + shown(value));
        } else if (!absent) {
            compare(pattern.items[index], *field, at, differences);
        }
    }
}

bool equal(const Json& left, const Json& right) {
    if (left.kind != right.kind) {
        return false;
    }
    switch (left.kind) {
        case Kind::null:
            return true;
        case Kind::boolean:
            return left.boolean == right.boolean;
        case Kind::number:
            return left.number == right.number;
        case Kind::text:
            return left.text == right.text;
        default:
            return false;
    }
}

}  // namespace

Json resolve(const Json& value, std::size_t number, const Source& source) {
    Json made = value;
    if (made.is(Kind::text)) {
        replace(made.text, "{n}", std::to_string(number));
        replace(made.text, "{url}", source.url);
        replace(made.text, "{address}", source.address);
        replace(made.text, "{id}", source.id);
        replace(made.text, "{temporary}", source.temporary);
        return made;
    }
    for (Json& item : made.items) {
        item = resolve(item, number, source);
    }
    const std::string name = operator_of(made);
    if (name != "$repeat" && name != "$saved" && name != "$stored") {
        return made;
    }
    std::optional<Json> result = made_up(name, made.items[0], source);
    if (!result) {
        throw Wrong("there is no " + made.print());
    }
    return *std::move(result);
}

void compare(const Json& pattern, const Json& value, const std::string& path, std::vector<std::string>& differences) {
    const std::string name = operator_of(pattern);
    if (!name.empty()) {
        compare_operator(name, pattern, value, path, differences);
    } else if (pattern.is(Kind::object) && value.is(Kind::object)) {
        compare_fields(pattern, value, path, differences);
    } else if (pattern.is(Kind::list) && value.is(Kind::list)) {
        if (pattern.items.size() != value.items.size()) {
            differences.push_back(path + ": " + sizes_differ(pattern, value));
        }
        for (std::size_t index = 0; index < std::min(pattern.items.size(), value.items.size()); ++index) {
            compare(pattern.items[index], value.items[index], path + "[" + std::to_string(index) + "]", differences);
        }
    } else if (!equal(pattern, value)) {
        differences.push_back(path + ": is " + shown(value) + ", not " + shown(pattern));
    }
}
