#include "json.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>

const Json* Json::find(std::string_view name) const {
    for (std::size_t index = 0; index < names.size(); ++index) {
        if (names[index] == name) {
            return &items[index];
        }
    }
    return nullptr;
}

Json& Json::operator[](std::string_view name) {
    for (std::size_t index = 0; index < names.size(); ++index) {
        if (names[index] == name) {
            return items[index];
        }
    }
    names.emplace_back(name);
    return items.emplace_back();
}

std::string Json::text_of(std::string_view name, std::string_view otherwise) const {
    const Json* field = find(name);
    return field != nullptr ? field->text : std::string(otherwise);
}

double Json::number_of(std::string_view name, double otherwise) const {
    const Json* field = find(name);
    return field != nullptr ? field->number : otherwise;
}

namespace {

void print_text(const std::string& text, std::string& out) {
    out += '"';
    for (const char byte : text) {
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += byte;
        } else if (static_cast<unsigned char>(byte) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(byte));
            out += escape;
        } else {
            out += byte;
        }
    }
    out += '"';
}

void print_value(const Json& value, std::string& out) {
    switch (value.kind) {
        case Json::Kind::null:
            out += "null";
            break;
        case Json::Kind::boolean:
            out += value.boolean ? "true" : "false";
            break;
        case Json::Kind::number: {
            char number[40];
            const bool is_whole = std::floor(value.number) == value.number && std::fabs(value.number) < 1e15;
            std::snprintf(number, sizeof(number), is_whole ? "%.0f" : "%.17g", value.number);
            out += number;
            break;
        }
        case Json::Kind::text:
            print_text(value.text, out);
            break;
        case Json::Kind::list:
        case Json::Kind::object: {
            const bool is_list = value.is(Json::Kind::list);
            out += is_list ? '[' : '{';
            for (std::size_t index = 0; index < value.items.size(); ++index) {
                out += index > 0 ? "," : "";
                if (!is_list) {
                    print_text(value.names[index], out);
                    out += ':';
                }
                print_value(value.items[index], out);
            }
            out += is_list ? ']' : '}';
            break;
        }
    }
}

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Json whole() {
        Json value = one();
        blanks();
        if (at_ != text_.size()) {
            fail();
        }
        return value;
    }

private:
    [[noreturn]] void fail() const { throw Wrong("no JSON at byte " + std::to_string(at_)); }

    void blanks() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
            ++at_;
        }
    }

    bool take(std::string_view part) {
        const bool is_next = text_.substr(at_, part.size()) == part;
        at_ += is_next ? part.size() : 0;
        return is_next;
    }

    bool take_after_blanks(std::string_view part) {
        blanks();
        return take(part);
    }

    Json one() {
        blanks();
        if (take("{")) {
            return many(Json::object(), "}");
        }
        if (take("[")) {
            return many(Json::list(), "]");
        }
        if (take("\"")) {
            return Json(quoted());
        }
        if (take("true")) {
            return Json(true);
        }
        if (take("false")) {
            return Json(false);
        }
        if (take("null")) {
            return Json();
        }
        const std::string rest(text_.substr(at_, 40));
        char* end = nullptr;
        const double number = std::strtod(rest.c_str(), &end);
        if (end == rest.c_str()) {
            fail();
        }
        at_ += static_cast<std::size_t>(end - rest.c_str());
        return Json(number);
    }

    Json many(Json into, std::string_view end) {
        while (!take_after_blanks(end)) {
            if (!into.items.empty() && !take_after_blanks(",")) {
                fail();
            }
            if (into.is(Json::Kind::object)) {
                blanks();
                if (!take("\"")) {
                    fail();
                }
                into.names.push_back(quoted());
                if (!take_after_blanks(":")) {
                    fail();
                }
            }
            into.items.push_back(one());
        }
        return into;
    }

    unsigned four_digits() {
        if (at_ + 4 > text_.size()) {
            fail();
        }
        at_ += 4;
        return static_cast<unsigned>(std::strtoul(std::string(text_.substr(at_ - 4, 4)).c_str(), nullptr, 16));
    }

    std::string escaped() {
        const char letter = text_[at_++];
        if (letter != 'u') {
            const std::size_t place = std::string_view("nrtbf").find(letter);
            return std::string(1, place == std::string_view::npos ? letter : "\n\r\t\b\f"[place]);
        }
        unsigned code = four_digits();
        if (code >= 0xd800 && code < 0xdc00 && take("\\u")) {
            code = 0x10000 + ((code - 0xd800) << 10) + (four_digits() - 0xdc00);
        }
        const auto rest = [code](unsigned shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
        if (code < 0x80) {
            return {static_cast<char>(code)};
        }
        if (code < 0x800) {
            return {static_cast<char>(0xc0 | code >> 6), rest(0)};
        }
        if (code < 0x10000) {
            return {static_cast<char>(0xe0 | code >> 12), rest(6), rest(0)};
        }
        return {static_cast<char>(0xf0 | code >> 18), rest(12), rest(6), rest(0)};
    }

    std::string quoted() {
        std::string out;
        while (!take("\"")) {
            if (at_ + 1 >= text_.size()) {
                fail();
            }
            if (take("\\")) {
                out += escaped();
            } else {
                out += text_[at_++];
            }
        }
        return out;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Json Json::parse(std::string_view text) {
    return Parser(text).whole();
}

std::string Json::print() const {
    std::string out;
    print_value(*this, out);
    return out;
}
