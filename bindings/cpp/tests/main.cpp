// Runs every test, or those whose names hold the first argument; the last line counts them.

#include "harness.hpp"

int main(int argc, char** argv) {
    const std::string filter = argc > 1 ? argv[1] : "";
    int passed = 0;
    int failures = 0;
    for (const harness::Test& test : harness::tests()) {
        if (std::string(test.name).find(filter) == std::string::npos) {
            continue;
        }
        harness::failed() = false;
        try {
            test.run();
        } catch (const harness::TestEnded&) {
        } catch (const std::exception& exception) {
            harness::fail(test.name, 0, std::string("unexpected exception: ") + exception.what());
        }
        std::cout << (harness::failed() ? "FAIL " : "ok   ") << test.name << std::endl;
        ++(harness::failed() ? failures : passed);
    }
    std::cout << passed << " passed, " << failures << " failed" << std::endl;
    return failures == 0 && passed > 0 ? 0 : 1;
}
