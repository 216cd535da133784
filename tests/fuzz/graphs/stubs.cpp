#include "tests/fuzz/graphs/check.h"
namespace weft::fuzz {
std::optional<Finding> check_gradients(std::uint64_t, Counts&) { return {}; }
std::optional<Finding> check_backends(std::uint64_t, Counts&) { return {}; }
}  // namespace weft::fuzz
