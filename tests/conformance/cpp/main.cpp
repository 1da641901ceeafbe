// The conformance cases in C++; tests/conformance/README.md says what they are. C++ has every feature that a case may
// require, so that it runs every case.

#include "runner.hpp"

#include <fstream>
#include <iostream>
#include <sstream>

namespace {

Json read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    Json value = Json::parse(text.str());
    if (value.find("cases") == nullptr) {
        throw Wrong("no file of cases");
    }
    return value;
}

/// Whether the case did not fail.
bool report(const std::string& group, const Json& the_case, const std::string& url, const std::string& id) {
    std::vector<std::string> differences;
    try {
        Run run(the_case, url, id);
        run.steps(differences);
    } catch (const std::exception& wrong) {
        differences.emplace_back(wrong.what());
    }
    Json line = Json::object();
    line["group"] = Json(group);
    line["case"] = Json(the_case.text_of("name"));
    line["result"] = Json(differences.empty() ? "ok" : "failed");
    Json& why = line["why"] = Json::list();
    for (const std::string& difference : differences) {
        why.add(Json(difference));
    }
    std::cout << line.print() << std::endl;
    return differences.empty();
}

}  // namespace

int main(int count, char** values) {
    std::vector<std::string> arguments(values + 1, values + count);
    std::string url;
    std::string id = "embedded";
    if (arguments.size() > 4 && arguments[0] == "--url" && arguments[2] == "--id") {
        url = arguments[1];
        id = arguments[3];
        arguments.erase(arguments.begin(), arguments.begin() + 4);
    }
    bool good = true;
    for (const std::string& name : arguments) {
        try {
            const Json file = read_file(name);
            for (const Json& the_case : file.find("cases")->items) {
                const std::string needs = the_case.text_of("needs", "embedded");
                if (needs == "both" || needs == (url.empty() ? "embedded" : "broker")) {
                    good = report(file.text_of("group"), the_case, url, id) && good;
                }
            }
        } catch (const Wrong& wrong) {
            std::cerr << name << ": " << wrong.what() << std::endl;
            return 2;
        }
    }
    return good ? 0 : 1;
}
